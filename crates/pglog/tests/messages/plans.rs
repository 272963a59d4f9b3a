use super::{log, told};

const TEXT: &str = "Query Text: SELECT *\nFROM big JOIN small USING (id) WHERE name = 'Anna'\nHash Left Join  (cost=1.00..2.00 rows=10 width=4) (actual time=0.010..5.000 rows=5000 loops=1)\n  Hash Cond: (big.id = small.id)\n  ->  Seq Scan on big b  (cost=0.00..1.00 rows=10 width=4) (actual time=0.010..1.000 rows=5000 loops=1)\n        Filter: (name = 'Anna'::text)\n        Rows Removed by Filter: 3\n  ->  Hash  (cost=0.00..1.00 rows=1 width=4) (actual time=0.100..0.100 rows=1 loops=1)\n        Buckets: 1024  Batches: 1  Memory Usage: 9kB\n        ->  Index Scan using small_pkey on small  (cost=0.00..1.00 rows=1 width=4) (actual time=0.001..0.002 rows=1.00 loops=1)\n              Index Cond: (id = 7)";
const JSON: &str = r#"{
  "Query Text": "SELECT *\nFROM big JOIN small USING (id) WHERE name = 'Bob'",
  "Plan": {
    "Node Type": "Hash Join", "Parallel Aware": false, "Join Type": "Left",
    "Plan Rows": 10, "Actual Rows": 7000, "Actual Loops": 1, "Hash Cond": "(big.id = small.id)",
    "Plans": [
      {"Node Type": "Seq Scan", "Relation Name": "big", "Alias": "b", "Plan Rows": 10, "Actual Rows": 7000.00, "Actual Loops": 1, "Filter": "(name = 'Bob'::text)"},
      {"Node Type": "Hash", "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 1,
       "Plans": [{"Node Type": "Index Scan", "Scan Direction": "Forward", "Index Name": "small_pkey", "Relation Name": "small", "Alias": "small", "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 1, "Index Cond": "(id = 7)"}]}
    ]
  }
}"#;

fn plan(pid: u32, at: i64, ms: &str, plan: &str) -> super::Entry {
    log(pid, at, &format!("duration: {ms} ms  plan:\n{plan}"))
}

#[test]
fn text_and_json_are_one_plan_and_tell_rows() {
    let report = told(&[plan(1, 0, "5.000", TEXT), plan(2, 0, "7.000", JSON)]);
    let plans = &report.events.plans;
    assert_eq!((plans.read, plans.not_read, plans.executions), (2, 0, 2));
    assert_eq!(plans.statements.len(), 1);
    let of = &plans.statements[0];
    assert_eq!((of.rows.count, of.rows.sum, of.rows.max), (2, 12_000, 7_000));
    assert_eq!(of.shapes.len(), 1, "{:#?}", of.shapes);
    assert_eq!(
        of.shapes[0].outline,
        "Hash Left Join\n    Hash Cond: (big.id = small.id)\n  Seq Scan on big b\n      Filter: (name = ?::text)\n  Hash\n    Index Scan using small_pkey on small\n        Index Cond: (id = ?)\n"
    );
    assert_eq!(plans.seq_scans[0].name, "big");
    assert_eq!(plans.seq_scans[0].rows.sum, 12_000);
    let far_off: Vec<_> = of.far_off.iter().map(|f| (f.node.as_str(), f.count)).collect();
    assert_eq!(far_off, [("Hash Left Join", 2), ("Seq Scan on big b", 2)]);
    assert_eq!(
        report.all.calls, 2,
        "where only the plan is logged, it is an execution"
    );
}

#[test]
fn a_plan_with_a_duration_is_no_execution_of_its_own() {
    let report = told(&[
        // The plan of a function's query, of the statement, and its duration.
        plan(
            1,
            10,
            "2.000",
            "Query Text: SELECT inner_one\nResult  (cost=0.00..0.01 rows=1 width=4)",
        ),
        plan(
            1,
            12,
            "8.000",
            "Query Text: SELECT f()\nResult  (cost=0.00..0.01 rows=1 width=4)",
        ),
        log(1, 12, "duration: 8.500 ms  statement: SELECT f()"),
        // Later a plan alone, then a statement that has nothing to do with it.
        plan(
            1,
            500,
            "3.000",
            "Query Text: SELECT g()\nResult  (cost=0.00..0.01 rows=1 width=4)",
        ),
        log(1, 900, "duration: 1.000 ms  statement: SELECT 1"),
    ]);
    assert_eq!(report.events.plans.read, 3);
    assert_eq!(report.events.plans.executions, 1);
    assert_eq!(report.all.calls, 3);
    let calls = |text: &str| {
        let found = report.statements.iter().find(|s| s.text == text);
        found.map_or(0, |s| s.figures.calls)
    };
    assert_eq!(
        (
            calls("select inner_one"),
            calls("select f()"),
            calls("select g()")
        ),
        (0, 1, 1)
    );
    assert_eq!(
        report.events.plans.statements[0].rows.count, 0,
        "no rows without log_analyze"
    );
}

#[test]
fn other_forms_are_counted_and_not_read() {
    let report = told(&[
        plan(1, 0, "1.000", "<explain xmlns=\"x\">\n</explain>"),
        plan(
            2,
            0,
            "1.000",
            "Query Text: \"SELECT 1\"\nPlan: \n  Node Type: \"Result\"",
        ),
        plan(
            3,
            0,
            "1.000",
            "{\"Query Text\": \"SELECT 1\", \"Plan\": {\"Node Ty",
        ),
    ]);
    assert_eq!((report.events.plans.read, report.events.plans.not_read), (0, 3));
}
