"""What is trained in each finite group, and what an independent prototype found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What is trained, and what a prototype with other splits found at seed 0.

    Attributes:
        group: as ``task: {group: …}`` names it.
        alpha, xi, decay, width, steps: of the data, the optimizer and the network.
        whole: train, test, corrupted and corrected accuracy of the prototype's network.
        pruned: how many neurons it pruned, and what came of it.
        filtered: what came of its irrep filtration.
    """

    group: str
    alpha: float
    xi: float
    decay: float
    width: int
    steps: int
    whole: str = ""
    pruned: str = ""
    filtered: str = ""


SETTINGS: Mapping[str, Setting] = {
    "D48": Setting(
        "D48",
        *(0.5, 0.35, 0, 500, 800),
        whole=".990/.982/.973/.041",
        pruned="329 (.43): IPR .655/1.000/.014/1.000, norm .658/.993/.026/.971, random test .384",
        filtered="1.000, .014; random block .099; lazy .958",
    ),
    "D30": Setting(
        "D30",
        *(0.7, 0.3, 1, 500, 600),
        whole="1.000/.976/1.000/.015",
        pruned="372 (.43): IPR .708/.997/.025/.978, norm .710/.994/.032/.972, random test .295",
    ),
    "Z8×Z12": Setting(
        "Z8×Z12",
        *(0.5, 0.35, 0, 500, 800),
        whole=".987/.978/.963/.049",
        pruned="368: IPR .654/1.000/.012/1.000, norm .654/1.000/.012/.999, random test .223",
    ),
    "Z3^4": Setting("Z3^4", 0.6, 0.3, 0, 500, 500),
    "A5": Setting(
        "A5",
        *(0.8, 0.2, 2, 500, 600),
        whole="1.000/1.000/.998/.016",
        pruned="104: IPR .958/1.000/.788; half: IPR test 1.00 corrupted .43, norm 1.00/.44, "
        "random .90/.86",
        filtered="1.000, .014; random block .854; R-net .035; lazy .319 (train .83)",
    ),
    "S5": Setting(
        "S5",
        *(0.6, 0.2, 0, 500, 600),
        whole=".802/1.000/.010/1.000, mean IPR .88",
        pruned="nothing to prune",
    ),
    "S5, α 0.4": Setting(
        "S5",
        *(0.4, 0.3, 0, 500, 500),
        whole="1.000/.018/1.000, median IPR .24",
        pruned="fails",
        filtered="test .637; random block .267; lazy .058",
    ),
    "S4": Setting(
        "S4", *(0.8, 0.2, 0, 500, 1000), whole="test .217, corrupted 1.000", pruned="fails"
    ),
    "S4, wd 3": Setting(
        "S4", *(0.8, 0.2, 3, 500, 600), whole="test .696, corrupted 1.000", pruned="fails"
    ),
}
