//! A line of an order, and what each of its dishes costs.

use super::{
    ids::DishId,
    marking::Marked,
    options::{Chosen, full_name, is_zero},
    receipt::{Subject, Vat},
    text::{Language, Text},
    vat::VatClass,
};
use serde::{Deserialize, Serialize};

/// One line: a dish, so many times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Which dish.
    pub dish_id: DishId,
    /// Its name at that time.
    pub name: Text,
    /// What was chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Chosen>,
    /// How many.
    pub quantity: u32,
    /// Price of one with its options at that time, minor units.
    pub price_minor: i64,
    /// `price * quantity`, before discounts.
    pub sum_minor: i64,
    /// Off by promotions, minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount_minor: i64,
    /// VAT rate: of the day of the order, and of the day of its settlement once there is a receipt.
    pub vat: Vat,
    /// The class that gave the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_class: Option<VatClass>,
    /// Settlement subject.
    pub subject: Subject,
    /// Every unit of it is sold with its marking code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<Marked>,
}

impl OrderLine {
    /// What it costs, minor units.
    #[must_use]
    pub fn net_minor(&self) -> i64 {
        self.sum_minor - self.discount_minor
    }

    /// What its `nth` dish costs (from 0), minor units: the discount spread to the kopeck. The odd kopecks are on the
    /// last ones.
    #[must_use]
    pub fn piece_minor(&self, nth: u32) -> i64 {
        piece_of(self.net_minor(), self.quantity, nth)
    }

    /// Dishes of one price: how many, and the price of one. Together they are what the line costs.
    #[cfg(test)]
    fn prices(&self) -> impl Iterator<Item = (u32, i64)> {
        let quantity = i64::from(self.quantity.max(1));
        let odd = u32::try_from(self.net_minor().rem_euclid(quantity)).unwrap_or(0);
        let base = self.net_minor().div_euclid(quantity);
        [(self.quantity - odd, base), (odd, base + 1)]
            .into_iter()
            .filter(|(count, _)| *count > 0)
    }

    /// Its name with what was chosen, for receipt and kitchen.
    #[must_use]
    pub fn full_name(&self, language: Language) -> String {
        full_name(&self.name, &self.options, language)
    }
}

/// What the `nth` of so many dishes costs that cost `net_minor` together.
pub(super) fn piece_of(net_minor: i64, quantity: u32, nth: u32) -> i64 {
    let pieces = i64::from(quantity.max(1));
    let odd = net_minor.rem_euclid(pieces);
    net_minor.div_euclid(pieces) + i64::from(i64::from(nth) >= i64::from(quantity) - odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_prices_of_single_dishes_are_the_line_to_the_kopeck(
            quantity in 1u32..60, price in 100i64..1_000_000, off_pm in 0i64..990
        ) {
            let sum_minor = price * i64::from(quantity);
            let line = OrderLine {
                dish_id: "plov".into(),
                name: Text::new("Плов", "Osh", "Plov"),
                options: Vec::new(),
                quantity,
                price_minor: price,
                sum_minor,
                discount_minor: sum_minor * off_pm / 1000,
                vat: Vat::None,
                vat_class: None,
                subject: Subject::Commodity,
                marked: None,
            };
            let pieces: Vec<i64> = (0..quantity).map(|nth| line.piece_minor(nth)).collect();
            prop_assert_eq!(pieces.iter().sum::<i64>(), line.net_minor());
            prop_assert!(pieces.iter().max().unwrap() - pieces.iter().min().unwrap() <= 1);
            let prices: Vec<i64> = line
                .prices()
                .flat_map(|(n, price)| vec![price; usize::try_from(n).unwrap()])
                .collect();
            prop_assert_eq!(prices, pieces);
        }
    }
}
