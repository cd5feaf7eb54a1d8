//! Marked goods (Chestny ZNAK): the code on a bottle, from the scanner to the receipt. [source: marking.md 2 and 8]
//!
//! A code is taken as bytes and kept as it was scanned: it is compared by the state's server, so nothing of it is ever
//! trimmed, folded or guessed. What identifies the unit is its CIS: the code up to the first group separator.

use super::{
    money::Money,
    order::{Order, OrderLine},
    permit::Permit,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Separates the fields of a code.
pub const GS: char = '\u{1d}';
/// Bytes of the longest code. [ours, marking.md 2.6]
const LONGEST: usize = 200;
/// Characters of a pack of cigarettes: it has no fields. [source: marking.md 2.3]
const TOBACCO_PACK: usize = 29;
/// Of these the unit's own: the rest is price and check.
const TOBACCO_CIS: usize = 21;

/// What kind of marked goods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Milk, ice cream, cheese.
    Dairy,
    /// Packaged water.
    Water,
    /// Soft drinks and juices.
    Drinks,
    /// Beer and cider in bottles and cans.
    Beer,
    /// Tobacco.
    Tobacco,
    /// Anything else.
    #[default]
    Other,
}

impl Group {
    /// Whether it is under excise: its line is subject 31 in tag 1212, others are 33.
    #[must_use]
    pub fn excise(self) -> bool {
        matches!(self, Self::Beer | Self::Tobacco)
    }

    /// Characters of the serial in a unit's code without separators, and what stands behind it. [source: marking.md 2.3]
    fn template(self) -> (usize, usize) {
        let serial = match self {
            Self::Dairy => 6,
            Self::Beer | Self::Tobacco => 7,
            Self::Water | Self::Drinks => 13,
            // Shoes, clothes …: `91` and 4, `92` and 44.
            Self::Other => return (13, 6 + 46),
        };
        (serial, 6)
    }
}

/// A dish that is sold with its marking code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marked {
    /// What kind of goods.
    #[serde(default)]
    pub group: Group,
    /// GTINs that are this dish, 14 digits each; any when none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gtins: Vec<String>,
}

impl Marked {
    /// `marked = true`, `marked = "water"` or `marked = { group = "water", gtins = ["04607010350246"] }`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Plain(bool),
            Group(Group),
            Whole(Marked),
        }
        Ok(match Option::<Said>::deserialize(deserializer)? {
            None | Some(Said::Plain(false)) => None,
            Some(Said::Plain(true)) => Some(Self::default()),
            Some(Said::Group(group)) => Some(Self {
                group,
                gtins: Vec::new(),
            }),
            Some(Said::Whole(marked)) => Some(marked),
        })
    }

    fn is_this(&self, gtin: &str) -> bool {
        self.gtins.is_empty() || self.gtins.iter().any(|g| g == gtin)
    }

    /// What is wrong with it, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let wrong = self.gtins.iter().filter(|g| !is_gtin(g));
        wrong
            .map(|g| {
                format!("marked.gtins: {g:?} is no GTIN of 14 digits with a right check digit")
            })
            .collect()
    }
}

/// A scanned code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkCode {
    /// All of it, separators too (tag 2000).
    pub code: String,
    /// What identifies the unit.
    pub cis: String,
    /// Which goods, 14 digits.
    pub gtin: String,
}

/// Why a scan is no code of marked goods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanFault {
    /// Nothing was scanned.
    #[error("the code is empty")]
    Empty,
    /// Longer than any code.
    #[error("the code is longer than {LONGEST} characters")]
    TooLong,
    /// Letters that no code has: a scanner that types through a Russian keyboard.
    #[error(
        "the code has letters that no marking code has: the scanner types through a Russian keyboard layout; switch the layout, or connect it as a serial port"
    )]
    Layout,
    /// A plain DataMatrix, an EAN-13 or something else.
    #[error("this is no marking code: scan the square DataMatrix, not the bar code beside it")]
    NotMarking,
    /// The scanner drops the separators.
    #[error("the separators (GS, 0x1D) of the code are lost: set the scanner up to send them")]
    NoSeparator,
    /// A wrong check digit.
    #[error("the GTIN {0} has a wrong check digit: scan again")]
    Gtin(String),
    /// A field that is cut, too long, or has a character that it can't have.
    #[error("the field ({0}) of the code is damaged: scan again")]
    Field(String),
    /// The check part is missing.
    #[error("the code ends before its check part: scan the whole DataMatrix")]
    NoCheck,
    /// No line of the order wants a code, or not of these goods.
    #[error("no line of the order wants the code of {0}")]
    NoLine(String),
    /// No unit of the order.
    #[error("this unit is not of this order")]
    NotSold,
    /// The same unit twice.
    #[error("the same unit is in the order already")]
    Twice,
}

impl MarkCode {
    /// Reads what a scanner sent. `group` helps where the scanner drops the separators and the goods' template leaves
    /// no doubt.
    ///
    /// # Errors
    /// [`ScanFault`], with what a person can do.
    pub fn scan(bytes: &[u8], group: Group) -> Result<Self, ScanFault> {
        let text = plain(bytes)?;
        if text.len() == TOBACCO_PACK
            && !text.contains(GS)
            && text.get(..14).is_some_and(is_gtin)
            && !(text.starts_with("01") && text.get(16..18) == Some("21"))
        {
            return Ok(Self {
                cis: text[..TOBACCO_CIS].to_owned(),
                gtin: text[..14].to_owned(),
                code: text,
            });
        }
        let Some(rest) = text.strip_prefix("01") else {
            return Err(ScanFault::NotMarking);
        };
        let gtin = rest.get(..14).ok_or(ScanFault::NotMarking)?.to_owned();
        if !gtin.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ScanFault::NotMarking);
        }
        if !is_gtin(&gtin) || gtin.starts_with('2') {
            return Err(ScanFault::Gtin(gtin));
        }
        let Some(tail) = rest[14..].strip_prefix("21") else {
            return Err(ScanFault::NotMarking);
        };
        let tail = match tail.contains(GS) {
            true => tail.to_owned(),
            false => recovered(tail, group)?,
        };
        let (serial, fields) = tail.split_once(GS).ok_or(ScanFault::NoSeparator)?;
        if !(1..=20).contains(&serial.len()) || !serial.bytes().all(in_serials) {
            return Err(ScanFault::Field("21".to_owned()));
        }
        let found = fields_of(fields)?;
        let has = |ai: &str| found.iter().any(|f| f == ai);
        if !(has("93") || has("91") && has("92")) {
            return Err(ScanFault::NoCheck);
        }
        Ok(Self {
            cis: format!("01{gtin}21{serial}"),
            code: format!("01{gtin}21{tail}"),
            gtin,
        })
    }
}

/// What a scanner puts around a code is taken off.
fn plain(bytes: &[u8]) -> Result<String, ScanFault> {
    const PREFIXES: [&str; 5] = ["<GS>", "{GS}", "^]", "\\u001d", "\\x1d"];
    let end = bytes
        .iter()
        .rposition(|b| !matches!(b, b'\r' | b'\n' | b'\t'))
        .ok_or(ScanFault::Empty)?;
    let mut bytes = &bytes[..=end];
    if bytes.starts_with(b"]d1") {
        // A DataMatrix that is not GS1's.
        return Err(ScanFault::NotMarking);
    }
    for symbology in [b"]d2", b"]C1", b"]Q3"] {
        bytes = bytes.strip_prefix(symbology).unwrap_or(bytes);
    }
    while let [0x1d | 0xe8, rest @ ..] = bytes {
        bytes = rest;
    }
    if bytes.len() > LONGEST {
        return Err(ScanFault::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ScanFault::Layout)?;
    let mut text = text;
    for literal in PREFIXES {
        text = text.strip_prefix(literal).unwrap_or(text);
    }
    if text.is_empty() {
        return Err(ScanFault::Empty);
    }
    let fits = |c: char| c == GS || ('!'..='~').contains(&c) || c == ' ';
    if !text.chars().all(fits) {
        return Err(ScanFault::Layout);
    }
    Ok(text.to_owned())
}

/// The separators put back where the length of the group's template leaves no doubt.
fn recovered(tail: &str, group: Group) -> Result<String, ScanFault> {
    let (serial, rest) = group.template();
    if tail.len() != serial + rest {
        return Err(ScanFault::NoSeparator);
    }
    let (serial, rest) = tail.split_at(serial);
    if group == Group::Other {
        let (key, sign) = rest.split_at(6);
        let both = key.starts_with("91") && sign.starts_with("92");
        return both
            .then(|| format!("{serial}{GS}{key}{GS}{sign}"))
            .ok_or(ScanFault::NoSeparator);
    }
    rest.starts_with("93")
        .then(|| format!("{serial}{GS}{rest}"))
        .ok_or(ScanFault::NoSeparator)
}

/// The fields behind the serial, by their identifiers. [source: marking.md 2.2]
fn fields_of(mut rest: &str) -> Result<Vec<String>, ScanFault> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        rest = rest.strip_prefix(GS).unwrap_or(rest);
        let (ai, length, fixed) = field(rest).ok_or_else(|| ScanFault::Field(head(rest)))?;
        let value = rest.get(ai..).unwrap_or_default();
        let until = value.find(GS).unwrap_or(value.len());
        let taken = if fixed { length } else { until };
        let fits = taken >= 1 && taken <= length && taken <= until;
        if !fits {
            return Err(ScanFault::Field(head(rest)));
        }
        found.push(rest[..ai].to_owned());
        rest = &value[taken..];
    }
    Ok(found)
}

fn head(rest: &str) -> String {
    rest.chars().take(2).collect()
}

/// Length of the identifier at the start, of its value at most, and whether it is always so long.
fn field(rest: &str) -> Option<(usize, usize, bool)> {
    let two: u32 = rest.get(..2)?.parse().ok()?;
    let digits = |n: usize| -> Option<u32> { rest.get(..n)?.parse().ok() };
    Some(match two {
        0 => (2, 18, true),
        1 | 2 => (2, 14, true),
        10 => (2, 20, false),
        11..=13 | 15..=17 => (2, 6, true),
        20 => (2, 2, true),
        30 | 37 => (2, 8, false),
        31..=36 if digits(4).is_some() => (4, 6, true),
        41 if digits(3).is_some() => (3, 13, true),
        70 if digits(4) == Some(7003) => (4, 10, true),
        80 if digits(4) == Some(8005) => (4, 6, true),
        91..=99 => (2, 90, false),
        _ => return None,
    })
}

/// GS1's character set 82. [source: marking.md 2.3]
fn in_serials(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&b)
}

/// 14 digits, the last of which checks the others. [source: marking.md 2.4]
fn is_gtin(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if text.len() != 14 || digits.len() != 14 {
        return false;
    }
    let sum: u32 = digits[..13]
        .iter()
        .enumerate()
        .map(|(i, d)| d * if i % 2 == 0 { 3 } else { 1 })
        .sum();
    (10 - sum % 10) % 10 == digits[13]
}

/// What the printer's check said: the bits of tag 2106. [source: marking.md 8, atol.md 6.7]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Check(pub u8);

/// What a check means for a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The state's server knows the unit, and it may be sold.
    Right,
    /// Nothing speaks against it, but the server was not reached: the printer tells it later.
    Offline,
    /// The code is forged, or the unit may not be sold.
    Wrong,
}

impl Check {
    /// What it means.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        let bit = |n: u8| self.0 & (1 << n) != 0;
        if bit(0) && !bit(1) || bit(2) && !bit(3) {
            Verdict::Wrong
        } else if bit(2) && !bit(4) {
            Verdict::Right
        } else {
            Verdict::Offline
        }
    }
}

/// What happens to a unit that the check speaks against, `[fiscal.marking]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The check says that the unit may not be sold: `block` or `warn`; `block`. A negative answer of a till does not
    /// forbid a sale by itself. [ours; memory]
    pub on_negative: Answer,
    /// The printer could not be asked: `block` or `warn`; `block`. That its server was not reached is no such case: then
    /// the printer itself says so in the receipt. [ours, marking.md 9]
    pub on_no_check: Answer,
    /// The state's permissive check is configured and could not be asked, not even off-line: `block` or `warn`; `block`.
    /// What it forbids is never sold. [ours, marking.md 9]
    pub on_no_permit: Answer,
}

/// Whether a unit is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// No.
    #[default]
    Block,
    /// Yes, and staff are told.
    Warn,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            on_negative: Answer::Block,
            on_no_check: Answer::Block,
            on_no_permit: Answer::Block,
        }
    }
}

/// A unit in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitMark {
    /// Index of its line.
    pub line: usize,
    /// Number within the line, from 0.
    pub nth: u32,
    /// Its code.
    #[serde(flatten)]
    pub code: MarkCode,
    /// What the printer said when it was scanned; none when it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The state's permit to sell it, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
}

/// A line that wants codes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its index.
    pub line: usize,
    /// Which goods.
    pub marked: &'a Marked,
    /// How many units.
    pub quantity: u32,
    /// What one costs.
    pub price: Money,
}

/// A scan as it came, and the line it is meant for; any that fits when none.
#[derive(Clone, Debug)]
pub struct Scan {
    /// What the scanner sent.
    pub bytes: Vec<u8>,
    /// Index of the line.
    pub line: Option<usize>,
}

/// Puts scans to the lines that want them.
///
/// # Errors
/// [`ScanFault`] of the first that is no code or fits nowhere.
pub fn assign(
    lines: &[Wanted<'_>],
    have: &[UnitMark],
    scans: &[Scan],
) -> Result<Vec<UnitMark>, ScanFault> {
    let mut all = have.to_vec();
    for scan in scans {
        let mut why = None;
        let mut place = None;
        for wanted in lines
            .iter()
            .filter(|w| scan.line.is_none_or(|line| line == w.line))
        {
            match MarkCode::scan(&scan.bytes, wanted.marked.group) {
                Err(fault) => why = Some(fault),
                Ok(code) if !wanted.marked.is_this(&code.gtin) => {
                    why = Some(ScanFault::NoLine(code.gtin));
                }
                Ok(code) if all.iter().any(|m| m.code.cis == code.cis) => {
                    return Err(ScanFault::Twice);
                }
                Ok(code) => {
                    let taken =
                        |nth: &u32| all.iter().any(|m| (m.line, m.nth) == (wanted.line, *nth));
                    match (0..wanted.quantity).find(|nth| !taken(nth)) {
                        Some(nth) => {
                            place = Some(UnitMark {
                                line: wanted.line,
                                nth,
                                code,
                                check: None,
                                permit: None,
                            });
                            break;
                        }
                        None => why = Some(ScanFault::NoLine(code.gtin)),
                    }
                }
            }
        }
        all.push(
            place.ok_or_else(|| {
                why.unwrap_or_else(|| ScanFault::NoLine("these goods".to_owned()))
            })?,
        );
    }
    Ok(all.split_off(have.len()))
}

impl Order {
    /// Lines that want marking codes.
    pub fn wanted_marks(&self) -> impl Iterator<Item = Wanted<'_>> {
        self.lines.iter().enumerate().filter_map(|(line, l)| {
            Some(Wanted {
                line,
                marked: l.marked.as_ref()?,
                quantity: l.quantity,
                price: Money::new(l.piece_minor(0), self.currency),
            })
        })
    }

    /// What identifies the unit of this order that was scanned again; its CIS itself will do too.
    ///
    /// # Errors
    /// [`ScanFault`]: it is no code, or of no unit of this order.
    pub fn unit_scanned(&self, scan: &Scan) -> Result<String, ScanFault> {
        let meant = |m: &&UnitMark| scan.line.is_none_or(|line| line == m.line);
        let sold = |cis: &str| self.marks.iter().filter(meant).any(|m| m.code.cis == cis);
        if let Ok(cis) = std::str::from_utf8(&scan.bytes)
            && sold(cis.trim())
        {
            return Ok(cis.trim().to_owned());
        }
        let mut why = ScanFault::NotSold;
        for wanted in self.wanted_marks() {
            match MarkCode::scan(&scan.bytes, wanted.marked.group) {
                Ok(code) if sold(&code.cis) => return Ok(code.cis),
                Ok(_) => why = ScanFault::NotSold,
                Err(fault) => why = fault,
            }
        }
        Err(why)
    }

    /// The first line some units of which have no marking code yet.
    #[must_use]
    pub fn unscanned(&self) -> Option<&OrderLine> {
        let wanted = self.wanted_marks().find(|w| {
            let have = self.marks.iter().filter(|m| m.line == w.line).count();
            have < usize::try_from(w.quantity).unwrap_or(usize::MAX)
        })?;
        self.lines.get(wanted.line)
    }
}

/// A marked unit in a receipt's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineMark {
    /// Its code; none when it was never scanned: such a line may not be registered.
    pub code: Option<MarkCode>,
    /// What becomes of it (tag 2003).
    pub becomes: Becomes,
    /// Under excise (31 or 33 in tag 1212).
    #[serde(default)]
    pub excise: bool,
    /// What the printer said when it was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The state's permit to sell it (tag 1260); only where it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
}

/// What becomes of a unit, tag 2003.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// It is sold (1).
    Sold,
    /// It comes back (3).
    Returned,
    /// It stays what it was: only money goes back (255).
    Unchanged,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Right => "the unit may be sold",
            Self::Offline => "the state's server was not reached",
            Self::Wrong => "the code is forged, or the unit may not be sold",
        })
    }
}

#[cfg(test)]
#[path = "marking_tests.rs"]
mod tests;
