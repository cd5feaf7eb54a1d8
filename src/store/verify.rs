//! Every row that a checksum guards, read: rot in what nobody asks for is found all the same.

use super::{Snapshot, StoreError};

/// Effects that are read at once.
const AT_ONCE: usize = 1000;

impl Snapshot<'_> {
    /// Reads the whole log, and every order, effect, receipt, shift's books and level of stock.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] says which is not what was written.
    pub fn verify(&self) -> Result<(), StoreError> {
        self.verify_log()?;
        self.each_order(None, drop)?;
        let mut last = 0;
        while let Some(effect) = self.effects_after(last, AT_ONCE)?.last() {
            last = effect.id;
        }
        self.verify_receipts()?;
        self.shift_books()?;
        self.levels()?;
        Ok(())
    }
}
