"""The named queries of docs/queries.md, and the values that replace their examples."""

from infra.local.query.__main__ import DOCUMENT
from infra.local.query.documented import Examples, documented


def test_every_documented_query_has_a_name_and_the_container_it_asks() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    queries = documented(text)
    assert len({query.name for query in queries}) == text.count("```sql")
    assert {query.container for query in queries} == {"alerts", "incidents", "state", "shadow"}


def test_a_text_with_a_quote_stays_one_text() -> None:
    sql = "SELECT * FROM c WHERE c.rep_id = 'Annie Corns' AND c.order_id = 'o-01'"
    asked = Examples(rep="O'Neil \\", order="' OR true --").put_into(sql)
    assert asked == (
        "SELECT * FROM c WHERE c.rep_id = 'O\\'Neil \\\\' AND c.order_id = '\\' OR true --'"
    )


def test_a_month_ends_before_the_first_day_of_the_next() -> None:
    sql = "WHERE c.ordered_at >= '2016-01-01' AND c.ordered_at < '2016-02-01'"
    asked = Examples(month="2027-12").put_into(sql)
    assert asked == "WHERE c.ordered_at >= '2027-12-01' AND c.ordered_at < '2028-01-01'"
    assert Examples().put_into(sql) == sql
