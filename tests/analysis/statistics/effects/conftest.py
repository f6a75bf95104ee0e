"""The table of a study of init and alpha."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.effect_tables import (
    CORE,
    TRUE,
    table,
)


@pytest.fixture
def core() -> pd.DataFrame:
    return table(CORE, TRUE)
