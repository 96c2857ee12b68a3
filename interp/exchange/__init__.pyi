# The public names; ``interp.lazy`` reads them here, and type checkers do.
from interp.exchange.bridge import to_bridge as to_bridge
from interp.exchange.importing import import_checkpoint as import_checkpoint
from interp.exchange.of_networks import network_run as network_run
from interp.exchange.plain import plain_state as plain_state
from interp.exchange.plain import write_state as write_state
from interp.exchange.publishing import publish as publish
from interp.exchange.reading import Known as Known
from interp.exchange.rules import Rule as Rule
