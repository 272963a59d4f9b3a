//! Addresses in rules.

use std::net::IpAddr;

use crate::auth::file::Token;

/// Whom a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Addresses {
    All,
    /// A network of one family: an address whose bits outside the mask are zero, and the mask.
    Network {
        family: Family,
        network: u128,
        mask: u128,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl Addresses {
    /// True when the address is one of them. IPv4 written as IPv6 (`::ffff:1.2.3.4`) counts as IPv4.
    pub fn contain(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Network {
                family,
                network,
                mask,
            } => {
                let (of, bits) = number(address.to_canonical());
                of == *family && bits & mask == *network
            }
        }
    }

    /// Reads `all`, `address/length`, or an address whose mask is in the next field; `next` gives that.
    pub fn parse<'a>(token: &Token, next: impl FnOnce() -> Option<&'a Token>) -> Result<Self, String> {
        if token.is("all") {
            return Ok(Self::All);
        }
        let text = token.text.as_str();
        if token.is("samehost") || token.is("samenet") {
            return Err(format!("address {text} is not supported: write the network"));
        }
        let not_one =
            || format!("address {text} is not an IP address or network; host names are not supported");
        if let Some((address, length)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| not_one())?;
            let (family, _) = number(address);
            let length = length
                .parse()
                .ok()
                .filter(|length: &u32| *length <= family.bits());
            let length = length
                .ok_or_else(|| format!("{text}: the length of the prefix is not 0 to {}", family.bits()))?;
            return Ok(Self::network(address, prefix(family, length)));
        }
        let address: IpAddr = text.parse().map_err(|_| not_one())?;
        let mask = next()
            .ok_or_else(|| format!("address {text} needs a length, as in {text}/32, or a mask after it"))?;
        let parsed: IpAddr = mask.text.parse().map_err(|_| {
            format!(
                "address {text} needs a length, as in {text}/32, or a mask after it, not {}",
                mask.text
            )
        })?;
        let ((family, _), (mask_family, bits)) = (number(address), number(parsed));
        if family != mask_family {
            return Err(format!(
                "address {text} and mask {} are not of one family",
                mask.text
            ));
        }
        if prefix(family, bits.count_ones()) != bits {
            return Err(format!(
                "{} is not a mask: its ones are not all in front",
                mask.text
            ));
        }
        Ok(Self::network(address, bits))
    }

    fn network(address: IpAddr, mask: u128) -> Self {
        let (family, bits) = number(address);
        Self::Network {
            family,
            network: bits & mask,
            mask,
        }
    }
}

fn number(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(address) => (Family::V4, u32::from(address).into()),
        IpAddr::V6(address) => (Family::V6, address.into()),
    }
}

fn prefix(family: Family, length: u32) -> u128 {
    let all = match family {
        Family::V4 => u32::MAX.into(),
        Family::V6 => u128::MAX,
    };
    let shifted = all.checked_shl(family.bits() - length).unwrap_or(0);
    shifted & all
}
