//! A run of samples packed into bytes: counters that move by small steps at regular times take about two
//! bytes a sample.

/// The bits of the NaN that marks a series as gone, as Prometheus stores it.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The value that says: from here on the series is gone.
pub(crate) fn stale() -> f64 {
    f64::from_bits(STALE_BITS)
}

pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// One value at one time (milliseconds since 1970).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) t: i64,
    pub(crate) v: f64,
}

/// How many samples a chunk takes before the next one is begun; small, so that a short window reads little.
const CAPACITY: u32 = 120;
/// Integers beyond this are not exact in a float, so they are stored as they are.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Samples in the order of time: the change of the time step and the change of the value, as variable-length
/// integers.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    count: u32,
    first: i64,
    last: Point,
    step: i64,
}

impl Chunk {
    pub(crate) fn new(point: Point) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&point.v.to_bits().to_le_bytes());
        Self { bytes, count: 1, first: point.t, last: point, step: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count >= CAPACITY
    }

    pub(crate) fn first_time(&self) -> i64 {
        self.first
    }

    pub(crate) fn last(&self) -> Point {
        self.last
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }

    pub(crate) fn push(&mut self, point: Point) {
        let step = point.t - self.last.t;
        put(&mut self.bytes, zigzag(step.wrapping_sub(self.step)));
        match whole_step(self.last.v, point.v) {
            // The lowest bit tells a step (0) from a value that follows as it is (1).
            Some(change) => put(&mut self.bytes, zigzag(change) << 1),
            None => {
                put(&mut self.bytes, 1);
                self.bytes.extend_from_slice(&point.v.to_bits().to_le_bytes());
            }
        }
        self.step = step;
        self.last = point;
        self.count += 1;
    }

    /// The chunk takes no more samples: give spare memory back.
    pub(crate) fn seal(&mut self) {
        self.bytes.shrink_to_fit();
    }

    pub(crate) fn points(&self) -> Points<'_> {
        Points { chunk: self, at: 0, read: 0, last: Point { t: self.first, v: 0.0 }, step: 0 }
    }
}

/// The difference of two integers that floats hold exactly, if it is one.
fn whole_step(from: f64, to: f64) -> Option<i64> {
    let exact = |value: f64| {
        value.abs() < EXACT && value.trunc() == value && !(value == 0.0 && value.is_sign_negative())
    };
    (exact(from) && exact(to)).then(|| (to as i64) - (from as i64))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads a chunk's samples.
pub(crate) struct Points<'a> {
    chunk: &'a Chunk,
    at: usize,
    read: u32,
    last: Point,
    step: i64,
}

impl Points<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.chunk.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn float(&mut self) -> Option<f64> {
        let bytes = self.chunk.bytes.get(self.at..self.at + 8)?;
        self.at += 8;
        Some(f64::from_bits(u64::from_le_bytes(bytes.try_into().ok()?)))
    }
}

impl Iterator for Points<'_> {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        if self.read >= self.chunk.count {
            return None;
        }
        if self.read == 0 {
            self.last.v = self.float()?;
        } else {
            self.step = self.step.wrapping_add(unzigzag(self.varint()?));
            self.last.t += self.step;
            let coded = self.varint()?;
            self.last.v = if coded & 1 == 1 {
                self.float()?
            } else {
                (self.last.v as i64).wrapping_add(unzigzag(coded >> 1)) as f64
            };
        }
        self.read += 1;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(points: &[Point]) -> Chunk {
        let mut chunk = Chunk::new(points[0]);
        points[1..].iter().for_each(|point| chunk.push(*point));
        chunk
    }

    #[test]
    fn what_goes_in_comes_out() {
        let values = [
            0.0,
            1.0,
            1.5,
            -3.0,
            f64::INFINITY,
            7.0,
            -0.0,
            1e300,
            9e15,
            -9e15,
            2.0,
            stale(),
            5.0,
            f64::NAN,
            1.0,
        ];
        let times = [5, 6, 1000, 2000, 3001, 4001, 4002, 9000, 9001, 9002, 9003, 9004, 9999, 10_000, 20_000];
        let points: Vec<Point> = times.iter().zip(values).map(|(&t, v)| Point { t, v }).collect();
        let read: Vec<Point> = packed(&points).points().collect();
        assert_eq!(read.len(), points.len());
        for (read, put) in read.iter().zip(&points) {
            assert_eq!((read.t, read.v.to_bits()), (put.t, put.v.to_bits()));
        }
    }

    #[test]
    fn a_counter_takes_about_two_bytes_a_sample() {
        let points: Vec<Point> = (0..120)
            .map(|at| Point { t: 1_700_000_000_000 + at * 1000 + at % 3, v: (at * 10) as f64 })
            .collect();
        let chunk = packed(&points);
        assert!(chunk.is_full());
        assert!(chunk.bytes.len() <= 260, "{} bytes", chunk.bytes.len());
    }

    proptest::proptest! {
        #[test]
        fn any_values_survive(list in proptest::collection::vec((1_i64..100_000, proptest::num::f64::ANY), 1..119)) {
            let mut t = 0;
            let points: Vec<Point> = list.iter().map(|&(step, v)| { t += step; Point { t, v } }).collect();
            let read: Vec<(i64, u64)> = packed(&points).points().map(|p| (p.t, p.v.to_bits())).collect();
            let put: Vec<(i64, u64)> = points.iter().map(|p| (p.t, p.v.to_bits())).collect();
            proptest::prop_assert_eq!(read, put);
        }
    }
}
