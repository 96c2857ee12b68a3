"""Run configurations: the only list of options."""

from interp.training.config.run_config import RunConfig as RunConfig
from interp.training.config.run_config import paper_minibatch as paper_minibatch
from interp.training.config.run_config import parse_config as parse_config
