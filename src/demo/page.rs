//! One page of a list: the rows behind a marker, no more than asked for and allowed. How a service links to the next
//! page is its own business.

use super::call::Call;
use super::world::seed::parse_id;

/// A page.
pub(crate) struct Page<'a, T> {
    /// The rows.
    pub(crate) rows: &'a [T],
    /// Id of the last row when others follow.
    pub(crate) marker: Option<u128>,
}

/// The page that `limit` and `marker` ask for, of at most `most` rows; none when they make no sense.
pub(crate) fn page<'a, T>(call: &Call<'_>, most: usize, rows: &'a [T], id: impl Fn(&T) -> u128) -> Option<Page<'a, T>> {
    let behind = match call.param("marker") {
        None => rows,
        Some(marker) => {
            let marker = parse_id(&marker)?;
            let at = rows.iter().position(|row| id(row) == marker)?;
            rows.get(at + 1..)?
        }
    };
    let size = limit(call, most)?;
    let rows = behind.get(..size).unwrap_or(behind);
    let marker = rows.last().filter(|_| rows.len() < behind.len()).map(id);
    Some(Page { rows, marker })
}

/// Rows per page: what is asked for, never more than `most`.
pub(crate) fn limit(call: &Call<'_>, most: usize) -> Option<usize> {
    match call.param("limit") {
        None => Some(most),
        Some(text) => text.parse().ok().filter(|limit| *limit > 0).map(|limit: usize| limit.min(most)),
    }
}
