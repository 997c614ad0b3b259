"""[[operators]]: parts in order, adapters with their files, packages' backends; what is said of what does not fit."""

import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fakes.clock import FakeClock
from fakes.real_site import secret_file
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.smpp.backend import SmppOperator
from numseal.apps.config_operators import OperatorConfig, read_operators
from numseal.apps.config_reader import ConfigError, Table, read_toml
from numseal.domain.plmn import Plmn

HLR = 'adapter = "osmo_hlr"\nhost = "127.0.0.1"\nreference_key_file = "key"\n'
SMPP = (
    'adapter = "smpp"\nsmscs = [{name = "a", host = "h", port = 2775, system_id = "n", password_file = "password"}]\n'
)
REMOTE = 'adapter = "remote"\naddress = "127.0.0.1:50061"\ntls = false\n'
CAMARA = """adapter = "camara"
client_id = "numseal"
token_url = "https://api.example.com/token"
private_key_file = "private.pem"
seal_key_file = "key"
apis = {sim_swap = "https://api.example.com/sim-swap/v2"}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    secret_file(tmp_path / "key", secrets.token_hex(32))
    secret_file(tmp_path / "password", "word\n")
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    secret_file(tmp_path / "private.pem", pem.decode())
    return tmp_path


def operators(*parts: str, head: str = 'id = "example"\nplmns = ["250-01", "250-02"]') -> str:
    return f"[[operators]]\n{head}\n" + "".join(f"[[operators.parts]]\n{part}" for part in parts)


def read(place: Path, text: str) -> tuple[OperatorConfig, ...]:
    (place / "numseal.toml").write_text(text)
    root = Table(place / "numseal.toml", "", read_toml(place / "numseal.toml", "configuration"))
    found = read_operators(root.tables("operators"))
    root.close()
    return found


@pytest.mark.parametrize(
    ("part", "kind"),
    [(HLR, OsmoHlrOperator), (SMPP, SmppOperator), (REMOTE, RemoteOperator), (CAMARA, CamaraOperator)],
)
async def test_each_adapter_is_made_from_its_table(place: Path, part: str, kind: type) -> None:
    (operator,) = read(place, operators(part))
    assert operator.info.plmns == (Plmn("250", "01"), Plmn("250", "02"))
    assert (operator.info.name, operator.max_in_flight) == ("example", 512)
    backend = operator.backend(FakeClock())
    assert isinstance(backend, kind)
    assert backend.operator_id == "example"
    await backend.close()  # type: ignore[attr-defined]


async def test_several_parts_are_one_operator_in_their_order(place: Path) -> None:
    head = 'id = "example"\nname = "Example Mobile"\ncountry = "RU"\nplmns = ["250-01"]'
    head += "\nmax_in_flight = 9\nbefore_timeout = 1"
    (operator,) = read(place, operators(f'name = "state"\n{HLR}', SMPP, head=head))
    assert [name for name, _ in operator.parts] == ["state", "smpp"]
    assert (operator.info.name, operator.info.country, operator.max_in_flight) == ("Example Mobile", "RU", 9)
    assert operator.composition.before_timeout == 1
    backend = operator.backend(FakeClock())
    assert isinstance(backend, ComposedOperator)
    await backend.close()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (operators(HLR, head='plmns = ["250-01"]'), "operators[1].id: found nothing, expected 1 to 64 characters"),
        (operators(HLR, head='id = "A"\nplmns = ["250-01"]'), "operators[1].id: found 'A', expected 1 to 64"),
        (operators(HLR, head='id = "a"'), "operators[1].plmns: found nothing, expected at least one network"),
        (operators(HLR, head='id = "a"\nplmns = ["25001"]'), "operators[1].plmns: found '25001', expected a network"),
        (operators(HLR) * 2, "operators[2].id: found 'example' a second time, expected an id of its own"),
        (operators(), "operators[1].parts: found nothing, expected [[operators.parts]]"),
        (operators(HLR, HLR), "operators[1].parts[2].name: found 'osmo-hlr' a second time"),
        (operators('name = "x"\n'), "operators[1].parts[1].adapter: found nothing, expected the name of an adapter"),
        (
            operators('adapter = "fax"\n'),
            "parts[1].adapter: found 'fax', expected one of remote, smpp, osmo_hlr, camara",
        ),
        (operators(HLR + "prot = 1\n"), "operators[1].parts[1].prot: no such key, expected one of adapter, name"),
        (operators(HLR + "port = 0\n"), "operators[1].parts[1].port: found 0, expected a port from 1 to 65535"),
        (operators(HLR.replace('"key"', '"none"')), "parts[1].reference_key_file:"),
        (operators(REMOTE.replace("tls = false\n", "").replace("127.0.0.1:50061", "x")), "parts[1].address:"),
        (operators(REMOTE + 'token_file = "none"\n'), "parts[1].token_file:"),
        (operators(REMOTE + 'statement_keys_file = "key"\n'), "statement_keys_file: found"),
        (operators(CAMARA.replace("sim-swap/v2", "sim-swap?v2")), "parts[1].apis"),
        (operators(SMPP.replace("2775", "0")), "parts[1].smscs[1].port: found 0, 1 to 65535 expected"),
        (operators(SMPP.replace("2775", '"2775"')), "parts[1].smscs[1].port: found '2775', expected a whole number"),
        (operators(SMPP + "window = 0\n"), "parts[1].window: found 0, 1 to 10000 expected"),
        (operators(HLR + "in_flight = 1_001\n"), "parts[1].in_flight: found 1001, expected 1 to 1000"),
        (
            operators(HLR + 'own_prefixes = ["7916"]\n'),
            "parts[1].own_prefixes: found ['7916'], expected prefixes of numbers",
        ),
        (operators(CAMARA + "connections = 0\n"), "parts[1].connections: found 0, 1 to 10000 is expected"),
        (operators(REMOTE + "send_timeout = 61\n"), "parts[1].send_timeout: found 61.0, a number over 0 and up to 60"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(place: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(place, text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{place / 'numseal.toml'}: operators[")


# Backends that are installed as packages

PLUGIN = """
class Backend:
    def __init__(self, operator_id):
        self.operator_id = operator_id

def make(info, settings, clock):
    if settings.get("bad"):
        raise ValueError("bad: found true, expected false")
    made = Backend(settings.get("as", info.operator_id))
    made.settings = dict(settings)
    return made
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that brings the backend `acme`, and one that cannot be loaded."""
    installed = tmp_path / "installed"
    info = installed / "acme_numseal-1.0.dist-info"
    info.mkdir(parents=True)
    (installed / "acme_numseal.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-numseal\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[numseal.operators]\nacme = acme_numseal:make\nbroken = acme_numseal:none\n"
    )
    monkeypatch.syspath_prepend(str(installed))
    return installed


@pytest.mark.usefixtures("package")
def test_a_packages_backend_gets_the_rest_of_its_table(place: Path) -> None:
    (operator,) = read(place, operators('adapter = "acme"\nurl = "https://acme.example"\nlevels = [1, 2]\n'))
    backend = operator.backend(FakeClock())
    assert backend.operator_id == "example"
    assert backend.settings == {"url": "https://acme.example", "levels": [1, 2]}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ('adapter = "acme"\nbad = true\n', "operators[1].parts[1]: bad: found true, expected false"),
        ('adapter = "acme"\nas = "other"\n', "found a backend of 'other', expected one of 'example'"),
        ('adapter = "broken"\n', "adapter: found 'broken', which cannot be loaded: AttributeError"),
        (
            'adapter = "fax"\n',
            "expected one of remote, smpp, osmo_hlr, camara, acme, broken, or an installed package's",
        ),
    ],
)
def test_a_package_that_does_not_fit_is_told(place: Path, part: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(place, operators(part))[0].backend(FakeClock())
    assert sentence in str(caught.value)
