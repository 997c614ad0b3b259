from numseal.domain.report import MAX_REPORTS, Outcome, Report, add_report


def report(number: int, request_id: str = "") -> Report:
    return Report(Outcome.SPAM, number, number, request_id)


def test_the_newest_reports_are_kept() -> None:
    reports: tuple[Report, ...] = ()
    for number in range(MAX_REPORTS + 3):
        reports = add_report(reports, report(number))
    assert [item.occur_time for item in reports] == list(range(3, MAX_REPORTS + 3))


def test_a_request_reports_once() -> None:
    reports = add_report((), report(1, "r"))
    assert add_report(reports, report(2, "r")) is reports
    assert len(add_report(reports, report(2, "s"))) == 2


def test_reports_without_a_request_id_all_count() -> None:
    assert len(add_report(add_report((), report(1)), report(1))) == 2
