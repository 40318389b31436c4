//! Addresses, and ranges of them such as `10.244.0.0/24`.

use std::net::IpAddr;

/// An address, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    address: IpAddr,
    length: u8,
}

impl Block {
    /// Reads one; `None` for what is none.
    pub fn of(text: &str) -> Option<Self> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(whole), |length| length.parse().ok())?;
        (length <= whole).then_some(Self { address, length })
    }

    /// Of this address, with so many bits that count.
    pub fn new(address: IpAddr, length: u8) -> Self {
        Self { address, length }
    }

    /// Where it begins.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits count.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether an address lies within.
    pub fn holds(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                u32::from(own) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                u128::from(own) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses() {
        let holds = |block: &str, address: &str| {
            Block::of(block).is_some_and(|block| block.holds(address.parse().unwrap()))
        };
        assert!(holds("10.244.0.0/24", "10.244.0.9") && !holds("10.244.0.0/24", "10.244.1.9"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::1", "::1"));
        assert!(Block::of("10.0.0.0/33").is_none() && Block::of("x").is_none());
    }
}
