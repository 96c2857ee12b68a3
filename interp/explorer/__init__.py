"""The explorer: an application over a folder of runs and sweeps (needs the extra ``explorer``)."""

from __future__ import annotations

from interp.explorer.serve import explore as explore
