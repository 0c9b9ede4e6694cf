"""Names of backends: what each gives, and the one line each silly name gets."""

from __future__ import annotations

import pytest
from bellqueue.backends import list_backends, open_backend
from bellqueue.model.errors import BackendError

SILLY = {
    "": "unknown backend ''",
    ":": "unknown backend ''",
    "areo": "did you mean aer?",
    "braket": "braket needs a device",
    "torino": "did you mean fake:torino?",
    "nonsense-123": "valid: aer, braket, braket-local, fake, ibm, link",
    "aer\n:visibility=2": "visibility=2 is out of range; it must lie in 0…1",
    "aer:": "option '' is not name=value",
    "aer:visibility": "option 'visibility' is not name=value",
    "aer:visibility=": "is not name=value",
    "aer:=0.5": "is not name=value",
    "aer:visibility=high": "visibility=high is not a number",
    "aer:visibility=95%": "visibility=95% is not a number",
    "aer:visibility=0,95": "option '95' is not name=value",
    "aer:visibility=1.2": "out of range; it must lie in 0…1",
    "aer:visibility=-0.1": "out of range",
    "aer:visibility=nan": "out of range",
    "aer:visibility=inf": "out of range",
    "aer:visibilty=0.9": "unknown option 'visibilty'; did you mean visibility?",
    "aer:visibility=0.9,visibility=0.8": "option visibility is given twice",
    "aer:readout=0.6": "readout=0.6 is out of range; it must lie in 0…0.5",
    "aer:readout=0.01,readout_0to1=0.02": "readout sets both directions",
    "aer:readout_1to0=x": "readout_1to0=x is not a number",
    "aer:visibility=0.9,": "option '' is not name=value",
    "braket-local:noise=3": "unknown option 'noise'",
    "braket-local:readout=2": "braket-local: readout=2 is out of range",
    "braket:": "braket needs a device",
    "braket:sv1,pair=3": "braket:sv1: pair=3 is not two qubits",
    "braket:sv1,shots=3": "unknown option 'shots'",
    "braked": "did you mean braket?",
    "ibm": "ibm needs a device",
    "ibm:": "ibm needs a device",
    "ibm:fez,pair=3-3": "ibm:fez: pair=3-3 is not two qubits",
    "ibm:fez,pair": "option 'pair' is not name=value",
    "fake": "fake needs a snapshot",
    "fake:": "fake needs a snapshot",
    "fake:fake": "fake needs a snapshot",
    "fake:trino": "did you mean torino?",
    "fake:ibm_qx9000": "`bellqueue backends` lists all",
    "fake:manila,pair=92-99": "its qubits are 0…4",
    "fake:manila,pair=0-4": "usable: 0-1, 1-0, 3-4, 4-3",
    "fake:manila,pair=0": "pair=0 is not two qubits",
    "fake:manila,pair=3-3": "pair=3-3 is not two qubits",
    "fake:manila,pair=a-b": "pair=a-b is not two qubits",
    "fake:manila,qubits=0-1": "unknown option 'qubits'",
    "fake:manila,": "option '' is not name=value",
    "fake:armonk": "it has one qubit",
    "fake:kyoto": "marked faulty",
    "link": "bellqueue run SCENARIO --backend link",
    "link:": "link: there is no published link ''",
    "link:oxfrd-ions-2025": "did you mean oxford-ions-2025?",
    "link:oxford-ions-2025,": "option '' is not name=value",
    "link:oxford-ions-2025,fidelty=0.9": "unknown option 'fidelty'; did you mean fidelity?",
    "link:rate=1,rate=2": "option rate is given twice",
    "link:rate=1,name=oxford-ions-2025": "unknown option 'name'",
}


@pytest.mark.parametrize(("spec", "told"), SILLY.items())
def test_a_silly_name_gets_one_line(spec: str, told: str) -> None:
    if spec.startswith("braket"):
        pytest.importorskip("braket")
    with pytest.raises(BackendError) as caught:
        open_backend(spec)
    message = str(caught.value)
    assert told in message
    assert "\n" not in message


def test_names_are_read_whatever_their_case_and_spaces() -> None:
    assert open_backend(" AER : visibility=0.9 , readout=0.02 ").describe().name == "aer:visibility=0.9,readout=0.02"


def test_every_kind_of_backend_is_listed_once() -> None:
    listed = list_backends()
    names = [summary.name for summary in listed]
    assert len(names) == len(set(names))
    assert {"aer", "braket-local", "fake:torino", "fake:manila"} <= set(names)
    assert {summary.name: summary.qubits for summary in listed}["fake:torino"] == 133
    assert all(summary.available for summary in listed if summary.name != "braket-local")


def test_what_is_not_installed_is_listed_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellqueue.backends.registry.find_spec", lambda name: None)
    monkeypatch.setattr("bellqueue.backends.simulators.snapshot.find_spec", lambda name: None)
    listed = list_backends()
    wanting = [summary for summary in listed if not summary.available]
    assert [summary.name for summary in wanting] == ["aer", "braket-local", "fake:…"]
    assert all("is not installed: pip install" in summary.note for summary in wanting)
    assert all(summary.name.startswith("link") for summary in listed if summary.available)
