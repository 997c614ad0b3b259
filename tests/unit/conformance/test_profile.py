"""A profile is read strictly: what is wrong is named, with its key."""

from pathlib import Path

import pytest

from numseal.conformance.profile import MAX_PROFILE, Profile, ProfileError, Reach, load_profile, parse_profile

WHOLE = """
agreement_id = "agr-1"
locale = "ru"
[numbers]
own = ["+79160000001", "+79160000002"]
ported = "+79160000003"
ported_to = "250-02"
[messages]
command = ["show", "{number}"]
every = true
[events]
number = "+79160000004"
old_cursor = "e1-0"
[events.sim_change]
url = "http://127.0.0.1:9/{number}"
[network]
redirect_uri = "https://rp.example/back"
[rate]
per_second = 10
seconds = 2
p99_ms = 100
"""


def test_a_profile_is_read_whole() -> None:
    assert parse_profile(WHOLE) == Profile(
        agreement_id="agr-1",
        locale="ru",
        own=("+79160000001", "+79160000002"),
        ported="+79160000003",
        ported_to="250-02",
        messages=Reach(command=("show", "{number}")),
        every_message=True,
        event_number="+79160000004",
        sim_change=Reach(url="http://127.0.0.1:9/{number}"),
        old_cursor="e1-0",
        redirect_uri="https://rp.example/back",
        per_second=10,
        seconds=2,
        p99_ms=100,
    )


def test_nothing_is_required() -> None:
    assert parse_profile("") == Profile()
    assert parse_profile('[numbers]\nown = "+79160000001"').own == ("+79160000001",)
    assert not Profile().messages
    assert parse_profile("[messages]\nsimulator = true").messages
    assert parse_profile('[messages]\nfile = "in/{number}"').messages == Reach(file="in/{number}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('agrement_id = "x"', "agrement_id: no such key"),
        ("[numbers]\nowns = []", "numbers.owns: no such key"),
        ("[numbers]\nown = []", "numbers.own: found an empty list"),
        ('[numbers]\nown = ["79160000001"]', "numbers.own: found '79160000001'"),
        ("[numbers]\nbarred = 79160000001", "numbers.barred: found 79160000001"),
        ('[numbers]\nabsent = "+79160000001"\nforeign = "+79160000001"', "+79160000001 is absent and foreign"),
        ('[numbers]\nown = "+79160000001"\n[events]\nnumber = "+79160000001"', "is own and event_number"),
        ('[numbers]\nported_to = "other"', "numbers.ported_to needs numbers.ported"),
        ('numbers = "+79160000001"', "numbers: found '+79160000001', a table"),
        ('agreement_id = ""', "agreement_id: found ''"),
        ("[messages]\nfixed_code = 123456", "messages.fixed_code: found 123456"),
        ('[messages]\nfixed_code = "12a4"', "messages.fixed_code: found '12a4'"),
        ('[messages]\ncommand = "show"', "messages.command: found 'show'"),
        ("[messages]\ncommand = []", "messages.command: found []"),
        ('[messages]\nurl = "ftp://x"', "messages.url: found 'ftp://x'"),
        ('[messages]\nurl = "http://x"\nfile = "y"', "url and file: one way is enough"),
        ("[messages]\nevery = 1", "messages.every: found 1, expected true or false"),
        ('[events.sim_change]\nfile = "x"', "events.sim_change.file: no such key"),
        ('[events.sim_change]\nurl = "http://x"', "events.sim_change needs events.number"),
        ('[network]\nredirect_uri = "http://x"', "network.redirect_uri: found"),
        ("[rate]\nper_second = 0", "rate.per_second: found 0, expected a whole number from 1 to 10000"),
        ("[rate]\nseconds = true", "rate.seconds: found True"),
    ],
)
def test_what_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text)
    assert told in str(caught.value)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    for content, told in (
        (b"own = [", "not TOML"),
        (b"\xff", "not TOML"),
        (b"#" * (MAX_PROFILE + 1), "over 1048576 bytes"),
        (b"x = 1", "x: no such key"),
    ):
        file.write_bytes(content)
        with pytest.raises(ProfileError, match=told) as caught:
            load_profile(file)
        assert str(file) in str(caught.value)
    with pytest.raises(ProfileError, match="No such file"):
        load_profile(tmp_path / "none.toml")
