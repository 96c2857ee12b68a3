"""The run-time checker of signatures: an int is fit where a float is expected (PEP 484)."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
