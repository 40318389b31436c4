//! Texts, each kept once: of a million spans most say the same.

use foldhash::fast::RandomState;
use std::hash::BuildHasher as _;

/// A text of a table. The first of all is the empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Text(u32);

impl Text {
    /// As an index: below [`Texts::len`].
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// All texts of a trace, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// Which stands at the place that its hash tells, or at one of the next; empty once all are there.
    places: Vec<u32>,
    /// Seeded by chance: half the time of the standard one, which guards better against texts that are chosen to
    /// meet. Such a file would open slowly, beside the window's thread, and can be stopped.
    hasher: RandomState,
}

impl Texts {
    /// How many there are, with the empty one.
    pub(super) fn len(&self) -> usize {
        self.ends.len() + 1
    }

    pub(super) fn get(&self, text: Text) -> &str {
        let Some(at) = text.index().checked_sub(1) else { return "" };
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let to = self.ends.get(at).map_or(from, |end| *end as usize);
        self.all.get(from..to).unwrap_or_default()
    }

    /// Takes a text in, or finds it. More than 4 GB of them are not kept: no source is as large.
    pub(super) fn keep(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        if self.places.len() < self.len() * 2 {
            self.spread();
        }
        let place = self.place(text);
        match self.places.get(place) {
            Some(0) => {}
            Some(known) => return Text(*known),
            None => return Text::default(),
        }
        let (Ok(end), Ok(number)) = (u32::try_from(self.all.len() + text.len()), u32::try_from(self.len()))
        else {
            return Text::default();
        };
        self.all.push_str(text);
        self.ends.push(end);
        self.places[place] = number;
        Text(number)
    }

    /// Where a text stands, or the free place where it would.
    fn place(&self, text: &str) -> usize {
        let last = self.places.len().saturating_sub(1);
        let mut place = self.hasher.hash_one(text) as usize & last;
        while let Some(known) = self.places.get(place).filter(|known| **known != 0) {
            if self.get(Text(*known)) == text {
                break;
            }
            place = (place + 1) & last;
        }
        place
    }

    /// Makes room for as many again.
    fn spread(&mut self) {
        self.places = vec![0; (self.len() * 4).next_power_of_two().max(64)];
        for number in 1..self.len() {
            let text = Text(u32::try_from(number).unwrap_or_default());
            let place = self.place(self.get(text));
            self.places[place] = text.0;
        }
    }

    /// Nothing more is taken in: lets go of what was needed for it.
    pub(super) fn settle(&mut self) {
        self.places = Vec::new();
        self.all.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() + (self.ends.capacity() + self.places.capacity()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_kept_once() {
        let mut texts = Texts::default();
        let kept: Vec<Text> =
            (0..1000).map(|number: u32| texts.keep(&format!("text {}", number % 300))).collect();
        assert_eq!((texts.len(), kept[0], kept[299]), (301, kept[300], kept[599]));
        assert_eq!(
            (texts.get(kept[7]), texts.get(Text::default()), Text::default().is_empty()),
            ("text 7", "", true)
        );
        texts.settle();
        assert_eq!(texts.get(kept[299]), "text 299");
        assert_eq!(texts.keep("text 7"), kept[7], "one may still be taken in");
    }
}
