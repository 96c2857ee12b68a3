"""Tables of kinds: names, collisions, lazy rows, installed packages and plug-ins."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module

import pytest

from interp.training import registry
from interp.training.registry import Registry, load_plugin, load_plugins, origin_of


@pytest.fixture(autouse=True)
def as_users_meet_it(unchecked):
    """Names may be anything."""


def fruit(**rows: object) -> Registry:
    return Registry("fruit", {"apple": 1, "pear": 2, **rows})


def test_rows_by_name_in_order():
    table = fruit(fig="math:pi")
    assert list(table) == ["apple", "pear", "fig"]
    assert len(table) == 3
    assert table["apple"] == 1
    assert "apple" in table
    assert "plum" not in table
    assert dict(table)["fig"] == pytest.approx(3.14159, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aple", "fruit: expected apple or pear, got 'aple'; nearest is apple"),
        ("PEAR", "fruit: expected apple or pear, got 'PEAR'; nearest is pear"),
        ("quince", "fruit: expected apple or pear, got 'quince'"),
        (None, "fruit: expected apple or pear, got None"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, message):
    table = fruit()
    for use in (table.check, table.__getitem__):
        with pytest.raises(ValueError) as caught:
            use(name)
        assert str(caught.value) == message


def test_a_name_is_taken_once():
    table = fruit()
    with pytest.raises(
        ValueError, match=r"fruit 'apple' is there already, from interp itself; me "
    ):
        table.add("apple", 3, "me")
    table.add("plum", 3, "me")
    message = r"^fruit 'plum' is there already, from me; you needs another name$"
    with pytest.raises(ValueError, match=message):
        table.add("plum", 4, "you")
    assert table["plum"] == 3


def test_the_same_place_may_add_again():
    table = fruit()
    table.add("plum", 3, "me")
    table.add("plum", 4, "me")
    assert table["plum"] == 4


@pytest.mark.parametrize("name", ["", " ", " plum", None, 3])
def test_a_name_is_a_word(name):
    with pytest.raises(ValueError, match="fruit: expected a name of letters, got "):
        fruit().add(name, 3, "me")


def test_only_what_was_added_can_be_removed():
    table = fruit()
    table.add("plum", 3, "me")
    assert (table.is_own("plum"), table.is_own("pear")) == (False, True)
    table.remove("plum")
    assert list(table) == ["apple", "pear"]
    table.add("plum", 4, "you")
    with pytest.raises(ValueError, match="fruit 'pear' is interp's own and stays"):
        table.remove("pear")


@pytest.fixture()
def orchard(tmp_path, monkeypatch):
    """Writes a module that can be imported, under a name that no other test uses."""

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)

    monkeypatch.syspath_prepend(tmp_path)
    return write


def test_a_row_is_loaded_when_it_is_used(orchard):
    orchard("orchard_lazy", "PLUM = 5")
    table = fruit(plum="orchard_lazy:PLUM")
    assert "plum" in table
    assert table.check("plum") == "plum"
    assert list(table) == ["apple", "pear", "plum"]
    assert "orchard_lazy" not in sys.modules
    assert table["plum"] == 5
    assert "orchard_lazy" in sys.modules


def test_a_row_that_cannot_be_imported_is_named_and_the_others_work(orchard):
    orchard("orchard_broken", "raise RuntimeError('no rain\\nfor weeks')")
    table = fruit()
    table.add("plum", "orchard_broken:PLUM", "me")
    table.add("fig", "orchard_that_is_not_there:FIG", "me")
    broken = (
        "fruit 'plum': orchard_broken:PLUM cannot be imported (RuntimeError: no rain for weeks)"
    )
    for _ in range(2):  # the second time from memory
        with pytest.raises(ValueError) as caught:
            table["plum"]
        assert str(caught.value) == broken
    with pytest.raises(ValueError, match=r"fruit 'fig': .* cannot be imported \(ModuleNotFoundErr"):
        table["fig"]
    assert list(table) == ["apple", "pear"]
    assert table["apple"] == 1


def test_a_row_of_the_projects_own_that_breaks_is_no_users_error():
    with pytest.raises(ModuleNotFoundError):
        fruit(plum="interp.that_is_not_there:PLUM")["plum"]


@dataclass(frozen=True)
class Point:
    """An entry point, as installed packages have them."""

    name: str
    value: str


def installed(monkeypatch, *points: Point) -> Registry:
    """A table in an environment with these entry points."""
    found = {"test.fruit": points}
    monkeypatch.setattr(registry, "entry_points", lambda group: found[group])
    return Registry("fruit", {"apple": 1, "pear": 2}, "test.fruit")


def test_rows_of_installed_packages(monkeypatch, orchard):
    orchard("orchard_shop", "PLUM = 5")
    table = installed(monkeypatch, Point("plum", "orchard_shop:PLUM"))
    assert list(table) == ["apple", "pear", "plum"]
    assert "orchard_shop" not in sys.modules
    assert table["plum"] == 5


@pytest.mark.parametrize("first", ["the table", "the module"])
def test_an_entry_point_may_name_a_decorated_function(monkeypatch, orchard, first):
    """The decorator makes the row; the module's attribute is the bare function."""
    table = installed(monkeypatch, Point("plum", "orchard_farm:plum"))
    orchard("orchard_market", "TABLES = []")
    farm = "import orchard_market\ndef plum(): ...\nrow = ('row', plum)\n"
    orchard("orchard_farm", farm + "orchard_market.TABLES[0].add('plum', row, 'orchard_farm.plum')")
    import_module("orchard_market").TABLES.append(table)
    if first == "the module":
        import_module("orchard_farm")
    assert list(table) == ["apple", "pear", "plum"]
    assert table["plum"] == ("row", sys.modules["orchard_farm"].plum)
    assert table.problems == {}


def test_two_packages_with_one_name_have_neither(monkeypatch):
    points = Point("plum", "one:A"), Point("plum", "two:B"), Point("fig", "math:pi")
    table = installed(monkeypatch, *points)
    message = r"^fruit 'plum': .*from entry point one:A; entry point two:B needs another name$"
    with pytest.raises(ValueError, match=message):
        table["plum"]
    assert list(table) == ["apple", "pear", "fig"]


def test_a_package_cannot_take_a_name_of_the_projects(monkeypatch):
    table = installed(monkeypatch, Point("pear", "math:pi"))
    assert list(table) == ["apple", "pear"]
    assert table["pear"] == 2
    assert "interp itself" in table.problems["pear"]


def test_plugins_of_the_environment(tmp_path, monkeypatch, capsys, orchard):
    """A file and a module work, a file that fails and one that is missing are named once."""
    good, broken = tmp_path / "good_plugin.py", tmp_path / "broken_plugin.py"
    good.write_text(
        "from interp.training.registry import load_plugins\n"
        "problems = load_plugins()  # as any look into a table does\n"
        "import orchard_list\n"
        "orchard_list.FOUND.append('good')\n"
    )
    broken.write_text("raise RuntimeError('no rain')")
    orchard("orchard_list", "FOUND = []")
    orchard("orchard_module", "import orchard_list\norchard_list.FOUND.append('module')")
    missing = tmp_path / "missing.py"
    names = [str(broken), str(good), "orchard_module", str(missing)]
    monkeypatch.setenv(registry.PLUGINS, os.pathsep.join(names))
    problems = load_plugins()
    assert problems == {
        str(broken): "RuntimeError: no rain",
        str(missing): f"ValueError: {missing}: expected a module or a .py file, found none",
    }
    assert load_plugins() == problems
    assert sys.modules["orchard_list"].FOUND == ["good", "module"]
    notes = capsys.readouterr().err.splitlines()
    assert notes == [f"interp: note: plug-in {k} failed: {v}" for k, v in problems.items()]
    for name in ("interp_plugin_good_plugin", "orchard_list", "orchard_module"):
        sys.modules.pop(name, None)


def test_a_file_is_a_plugin_once(tmp_path, monkeypatch):
    path = tmp_path / "counting_plugin.py"
    path.write_text("import os\nos.environ['COUNTED'] = os.environ.get('COUNTED', '') + 'x'\n")
    monkeypatch.setenv("COUNTED", "")
    load_plugin(str(path))
    load_plugin(str(path))
    assert os.environ["COUNTED"] == "x"
    del sys.modules["interp_plugin_counting_plugin"]


def test_the_environment_may_name_no_plugin(monkeypatch):
    monkeypatch.delenv(registry.PLUGINS, raising=False)
    assert load_plugins() == {}


def test_where_a_function_comes_from():
    assert origin_of(fruit) == "tests.contracts.test_registry.fruit"
