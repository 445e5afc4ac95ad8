from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from twinlens.core.components import Components


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_are_those_that_scipy_finds(graph):
    nodes, edges = graph
    components = Components(nodes)
    for one, other in edges:
        components.join(one, other)
    rows, columns = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    matrix = coo_array((np.ones(len(edges), dtype=bool), (rows, columns)), shape=(nodes, nodes))
    _, wanted = connected_components(matrix, directed=False)
    roots = [components.root(node) for node in range(nodes)]
    for node, root in enumerate(roots):
        assert root == min(other for other in range(nodes) if wanted[other] == wanted[node])
