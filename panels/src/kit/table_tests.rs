use super::*;

struct Sample(Vec<(&'static str, f64)>);
impl Rows for Sample {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn cell(&self, row: usize, column: usize) -> Cell {
        let (name, value) = self.0[row];
        if column == 0 { Cell::text(name) } else { Cell::number(value, fmt::rps(value)) }
    }
}
const COLUMNS: &[Column] = &[Column::text("Name", 2.0), Column::number("Rate", 1.0)];

#[test]
fn sorts_by_value_and_searches_all_columns() {
    let rows = Sample(vec![("reviews", 9.9), ("details", 10.0), ("ratings", 2.5)]);
    assert_eq!(arrange(COLUMNS, &rows, "", Some((1, false))), [2, 0, 1]);
    assert_eq!(arrange(COLUMNS, &rows, "", Some((0, false))), [1, 2, 0]);
    assert_eq!(arrange(COLUMNS, &rows, "", Some((0, true))), [0, 2, 1]);
    assert_eq!(arrange(COLUMNS, &rows, "rat", None), [2]);
}

#[test]
fn columns_keep_apart_and_the_spare_ones_give_way() {
    let columns = [
        Column::text("Trace", 1.2),
        Column::text("What went wrong", 1.6),
        Column::number("Duration", 0.9),
        Column::number("Spans", 0.7).spare(),
        Column::number("Services", 0.7).spare(),
    ];
    for (full, count) in [(1000.0, 5), (430.0, 5), (390.0, 4), (300.0, 3), (120.0, 3)] {
        let widths = widths(&columns, full);
        assert!((widths.iter().sum::<f32>() - full).abs() < 1.0, "{widths:?} of {full}");
        assert_eq!(widths.iter().filter(|width| **width > 0.0).count(), count, "{widths:?} of {full}");
        if full > 250.0 {
            let fits = |(width, column): (&f32, &Column)| *width == 0.0 || *width >= column.least() - 0.5;
            assert!(widths.iter().zip(&columns).all(fits), "{widths:?} of {full}");
        }
    }
}

struct Grouped;
impl Rows for Grouped {
    fn len(&self) -> usize {
        4
    }
    fn cell(&self, row: usize, _: usize) -> Cell {
        Cell::number(row as f64, format!("row {row}"))
    }
    fn group(&self, row: usize) -> Option<&str> {
        Some(["even", "odd"][row % 2])
    }
}

#[test]
fn rows_of_one_head_stand_together() {
    let order = |search: &str, sort| grouped(&Grouped, arrange(&COLUMNS[1..], &Grouped, search, sort));
    let (head, row) = (Item::Head, Item::Row);
    assert_eq!(order("", None), [head(0, 2), row(0), row(2), head(1, 2), row(1), row(3)]);
    assert_eq!(order("", Some((0, true))), [head(3, 2), row(3), row(1), head(2, 2), row(2), row(0)]);
    assert_eq!(order("even", None), [head(0, 2), row(0), row(2)]);
    let state = State { search: "odd ".into(), ..State::default() };
    assert_eq!(in_sight(&state, &COLUMNS[1..], &Grouped), [1, 3]);
}

#[test]
fn copies_what_is_in_sight() {
    let rows = Sample(vec![("a, \"b\"", 1.0), ("c", 2.0)]);
    assert_eq!(csv(COLUMNS, &rows, &[1, 0]), "Name,Rate\nc,2.0 rps\n\"a, \"\"b\"\"\",1.0 rps\n");
}
