//! Derives a value only when what it is derived from changed.

/// The last value and the key that it was derived for.
#[derive(Clone, Debug)]
pub struct Memo<K, V>(Option<(K, V)>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, V> Memo<K, V> {
    /// The value for this key; `make` runs only when the key differs from last time's.
    pub fn get(&mut self, key: K, make: impl FnOnce(&K) -> V) -> &V {
        if self.0.as_ref().is_none_or(|(old, _)| *old != key) {
            let value = make(&key);
            self.0 = Some((key, value));
        }
        &self.0.as_ref().expect("filled on the line above").1
    }

    /// Forgets the value, so that the next `get` derives it again.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_once_per_key() {
        let mut memo = Memo::default();
        let mut runs = 0;
        for key in [1, 1, 2, 2, 1] {
            let value = *memo.get(key, |key| {
                runs += 1;
                key * 10
            });
            assert_eq!(value, key * 10);
        }
        assert_eq!(runs, 3);
    }
}
