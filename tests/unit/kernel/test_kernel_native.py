"""When numba is imported, where its machine code is kept, and that nobody hears of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import sqlml.errors

PACKAGE = Path(sqlml.errors.__file__).parent

WITHOUT_NUMBA = """
import sys
import numpy as np, pyarrow as pa
import sqlml.kernel
from sqlml.spec import *
columns, features = (Column("x", "number"),), (Feature("x", "number", impute=0.0),)
for estimator in (Constant((1.0,)), Linear((1.0,), (NumericTerm(0, (2.0,)),))):
    ready = sqlml.kernel.scorer(Model("binary", columns, features, estimator, "logistic", ("a", "b")))
    ready.output(ready.raw_rows({"x": pa.array([1.0, None] * 50)}))
print("numba" in sys.modules)
"""

WALK = """
import numpy as np
from sqlml.kernel.scorer import scorer
from sqlml.spec import *
stump = Tree((0,), (0.5,), (True,), (-1,), (-2,), (None,), (0.1, 0.2))
model = Model("regression", (Column("x", "number"),), (Feature("x", "number"),), Trees(1, (stump,)), "identity")
raw = scorer(model).raw(np.array([[0.5], [1.0], [np.nan]]))
from sqlml.kernel.walk import walk
print(raw.ravel().tolist(), sum(walk.stats.cache_hits.values()))
"""


def start(code, folder, **environment):
    """A process in a folder, in which every warning is an error, with the environment changed as given."""
    cleared = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    command = [sys.executable, "-W", "error", "-c", code]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env={**cleared, "PYTHONPATH": str(folder), **environment}, **streams)


def printed(process):
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return out.strip()


def copied_kernel(folder):
    """The modules that scoring needs, on their own in a folder."""
    package = folder / "sqlml"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(PACKAGE / "errors.py", package)
    for part in ("spec", "kernel"):
        shutil.copytree(PACKAGE / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def test_numba_is_not_imported_before_trees_are_scored():
    assert printed(start(WITHOUT_NUMBA, PACKAGE.parent)) == "False"


def test_processes_share_a_cache_even_when_they_start_at_once_or_find_it_damaged(tmp_path):
    package = copied_kernel(tmp_path)
    together = [start(WALK, tmp_path) for _ in range(2)]
    assert {printed(process).split("]")[0] for process in together} == {"[0.1, 0.2, 0.1"}
    (index,) = (package / "kernel" / "__pycache__").glob("walk.walk-*.nbi")
    assert printed(start(WALK, tmp_path)) == "[0.1, 0.2, 0.1] 1"
    index.write_bytes(b"")
    assert printed(start(WALK, tmp_path)) == "[0.1, 0.2, 0.1] 0"


def test_where_nothing_can_be_written_the_code_is_compiled_for_the_process(tmp_path):
    package = copied_kernel(tmp_path)
    (package / "kernel" / "__pycache__").touch()
    nowhere = str(package / "errors.py" / "nowhere")
    assert printed(start(WALK, tmp_path, HOME=nowhere, XDG_CACHE_HOME=nowhere)) == "[0.1, 0.2, 0.1] 0"
