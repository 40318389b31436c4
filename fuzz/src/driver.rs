//! Makes input, has it read, and watches: for panics, for what takes long, for what never ends.

use crate::{Reader, Target};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::{Duration, Instant};

/// The stack of a worker of ours: what exhausts it ends the program.
const STACK: usize = 2 << 20;
/// What takes longer is taken for endless.
const ENDLESS: Duration = Duration::from_secs(60);
/// So many failures are enough.
const ENOUGH: usize = 20;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// All input follows from it.
    pub seed: u64,
    /// The number of the first input.
    pub from: u64,
    /// So many at most.
    pub inputs: u64,
    /// For so long at most.
    pub within: Duration,
    /// What takes longer is too long for one input.
    pub long: Duration,
    /// Whether each number is told before its turn: what ends the program is the last of them.
    pub tell: bool,
}

/// An input that is a fault of ours.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its number.
    pub number: u64,
    /// Where it panicked, or how long it took.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// How many were read.
    pub inputs: u64,
    /// How many of them had something in them.
    pub read: u64,
    /// How long that took.
    pub took: Duration,
    /// The longest of all, and its number.
    pub longest: (Duration, u64),
    /// One for each place that panicked; all that took too long.
    pub failures: Vec<Failure>,
}

impl Told {
    /// Inputs in a second.
    pub fn per_second(&self) -> f64 {
        self.inputs as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// The input of this number.
pub(crate) fn input(target: &Target, seeds: &crate::Seeds, seed: u64, number: u64) -> Vec<u8> {
    // Neighbouring numbers must not have neighbouring states.
    let of_target =
        target.name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
    let state = of_target ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seeds.input(&mut ChaCha8Rng::seed_from_u64(state))
}

/// Tries a target.
///
/// # Errors
/// When an input takes for ever, or the stack; the number tells which.
pub fn run(target: &'static Target, plan: Plan) -> Result<Told, String> {
    listen_to_panics();
    let now = Arc::new(AtomicU64::new(plan.from));
    let (done, told) = mpsc::channel();
    let here = Arc::clone(&now);
    let work = move || drop(done.send(attempt(target, plan, &here)));
    std::thread::Builder::new()
        .name(THREAD.to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| format!("no thread: {error}"))?;
    let mut last = None;
    loop {
        match told.recv_timeout(ENDLESS) {
            Ok(told) => return Ok(told),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err("the driver itself panicked".to_owned()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let number = now.load(Ordering::Relaxed);
                if last.replace(number) == Some(number) {
                    return Err(format!(
                        "{}: input {number} of seed {} does not end",
                        target.name, plan.seed
                    ));
                }
            }
        }
    }
}

fn attempt(target: &Target, plan: Plan, now: &AtomicU64) -> Told {
    let (reader, seeds) = ((target.reader)(), (target.seeds)());
    let mut told = Told::default();
    let mut panics: BTreeMap<String, u64> = BTreeMap::new();
    let begun = Instant::now();
    for number in plan.from..plan.from.saturating_add(plan.inputs) {
        if told.failures.len() >= ENOUGH || begun.elapsed() > plan.within {
            break;
        }
        now.store(number, Ordering::Relaxed);
        if plan.tell {
            tell(number);
        }
        let input = input(target, &seeds, plan.seed, number);
        let (outcome, took) = timed(&reader, &input);
        told.inputs += 1;
        if took > told.longest.0 {
            told.longest = (took, number);
        }
        match outcome {
            Ok(read) => told.read += u64::from(read),
            Err(place) => {
                let times = panics.entry(place.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    told.failures.push(Failure { number, what: format!("panicked at {place}"), input });
                }
                continue;
            }
        }
        // A machine that is busy elsewhere makes any input slow: what counts is the time on a processor.
        if took > plan.long && cost(&reader, &input) > plan.long {
            told.failures.push(Failure { number, what: format!("took {took:.1?}"), input });
        }
    }
    told.took = begun.elapsed();
    told
}

fn timed(reader: &Reader, input: &[u8]) -> (Result<bool, String>, Duration) {
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| reader(input)));
    let outcome = outcome.map_err(|_panic| PLACE.with_borrow(Clone::clone));
    (outcome, begun.elapsed())
}

/// What an input costs of a processor's time, where the system tells it.
fn cost(reader: &Reader, input: &[u8]) -> Duration {
    let used = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
    };
    let before = used();
    let (_, took) = timed(reader, input);
    before.zip(used()).map_or(took, |(before, after)| after.saturating_sub(before))
}

#[expect(clippy::print_stderr, reason = "asked for by whoever looks for an input that ends the program")]
fn tell(number: u64) {
    eprintln!("{number}");
}

const THREAD: &str = "fuzz";

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of ours are kept, not printed: there may be many.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some(THREAD) {
                return before(panic);
            }
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            PLACE.set(format!("{place}: {}", panic.payload_as_str().unwrap_or_default()));
        }));
    });
}
