"""A traced graph as one Python function that does nothing but call its operations in order.

What depends on parameters alone and is only a view of them, and what depends on constants alone, is
computed once, when the function is made.
"""

from collections.abc import Callable
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

aten = torch.ops.aten
QUICK: dict[Any, Callable[..., Any]] = {
    aten.addmm.default: torch.addmm,
    aten.mm.default: torch.mm,
    aten.relu.default: torch.relu,
    aten.sub.Tensor: torch.sub,
    aten.mul.Tensor: torch.mul,
    aten.t.default: torch.t,
    aten.view.default: Tensor.view,
    aten.stack.default: torch.stack,
    aten.eq.Tensor: torch.eq,
    aten.argmax.default: torch.argmax,
    aten._log_softmax.default: torch._log_softmax,
    aten._log_softmax_backward_data.default: torch._log_softmax_backward_data,
    aten.sum.default: torch.sum,
    aten.sum.dim_IntList: torch.sum,
}
"""The same operations with less overhead than by their operators."""
IN_PLACE: dict[Any, Callable[..., Any]] = {
    aten.mul.Tensor: Tensor.mul_,
    aten.relu.default: torch.relu_,
    aten.sub.Tensor: Tensor.sub_,
}
VIEWS = (
    aten.alias.default,
    aten.detach.default,
    aten.expand.default,
    aten.permute.default,
    aten.t.default,
    aten.transpose.int,
    aten.unsqueeze.default,
    aten.view.default,
)
SAME = (aten.alias.default, aten.detach.default)
SHAPED = (aten.ones_like.default, aten.zeros_like.default)
"""Depend on the shape of their argument alone, which is fixed."""


def generate(module: fx.GraphModule) -> Callable[..., Tensor]:
    """Make a function (out, *inputs) -> out that writes the graph's outputs, joined, into `out`.

    Raises:
        ValueError: the graph holds something that cannot be written out.
    """
    graph = _simplified(module)
    names: dict[str, Any] = {"CAT": torch.cat}  # capitals, which the names of nodes have not
    values: dict[fx.Node, Any] = {}
    lines, inputs = [], []
    ends = _last_uses(graph)
    for node in graph.nodes:
        if node.op == "placeholder":
            inputs.append(node.name)
        elif node.op == "output":
            (pieces,) = node.args
            lines.append(f"return CAT({_written(pieces, names, values)}, out=OUT)")
        elif _is_static(node, values):
            values[node] = _evaluated(module, node, values)
        else:
            function = f"F{len(names)}"
            names[function] = _function(node, values)
            arguments = [_written(argument, names, values) for argument in node.args]
            arguments += [f"{k}={_written(v, names, values)}" for k, v in node.kwargs.items()]
            lines.append(f"{node.name} = {function}({', '.join(arguments)})")
        if node.op != "output" and (
            gone := [e.name for e in ends.get(node, ()) if e not in values]
        ):
            lines.append(f"del {', '.join(gone)}")
    text = f"def replay(OUT, {', '.join(inputs)}):\n    " + "\n    ".join(lines)
    exec(compile(text, "<captured slice>", "exec"), names)
    function_: Callable[..., Tensor] = names["replay"]
    return function_


def _simplified(module: fx.GraphModule) -> fx.Graph:
    """Without operations that do nothing: aliases, double transposes, results that are not used."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if _is_in_place(node):
            node.target = _out_of_place(node)
        if node.target in SAME:
            node.replace_all_uses_with(node.args[0])
        elif node.target is aten.t.default and node.args[0].target is aten.t.default:
            node.replace_all_uses_with(node.args[0].args[0])
    _merge_repeated(graph)
    graph.eliminate_dead_code()
    return graph


def _merge_repeated(graph: fx.Graph) -> None:
    """Compute once what is the same operation on the same values.

    As torch's own `fx_graph_cse`, whose first call takes two seconds: it imports torch's compiler.
    """
    first: dict[tuple[Any, str], fx.Node] = {}
    for node in graph.nodes:
        if _is_pure(node):
            # As text a node is its name, and 1 is not 1.0, nor 0.0 the same as -0.0.
            earlier = first.setdefault((node.target, repr((node.args, node.kwargs))), node)
            if earlier is not node:
                node.replace_all_uses_with(earlier)


def _is_pure(node: fx.Node) -> bool:
    """Whether the result of a node depends on its arguments alone."""
    if node.target is getitem:
        return True
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    schema, tags = node.target._schema, node.target.tags
    is_random = torch.Tag.nondeterministic_seeded in tags
    return not (schema.is_mutable or is_random or "empty" in schema.name)


def _function(node: fx.Node, values: dict[fx.Node, Any]) -> Callable[..., Any]:
    """The function to call; in the memory of the first argument where that is not used again."""
    first = node.args[0] if node.args else None
    if node.target in IN_PLACE and isinstance(first, fx.Node) and first not in values:
        here, there = node.meta.get("tensor_meta"), first.meta.get("tensor_meta")
        is_like = here and there and (here.shape, here.dtype) == (there.shape, there.dtype)
        if is_like and _is_temporary(first, node):
            return IN_PLACE[node.target]
    target: Any = node.target
    return QUICK.get(target) or getattr(target, "_op", target)


def _is_in_place(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable


def _out_of_place(node: fx.Node) -> Any:
    """The operation that does not change its argument, where nothing else reads that.

    Raises:
        ValueError: something may read it, or there is no such operation.
    """
    changed = node.args[0]
    schema = node.target._schema  # type: ignore[union-attr]
    name = schema.name.removeprefix("aten::").removesuffix("_")
    if not isinstance(changed, fx.Node) or not _is_temporary(changed, node):
        raise ValueError(f"{node.target} changes its arguments")
    packet = getattr(aten, name, None)
    overload = schema.overload_name or "default"
    if packet is None or overload not in packet.overloads():
        raise ValueError(f"{node.target} has no out-of-place form")
    return getattr(packet, overload)


def _is_temporary(node: fx.Node, user: fx.Node) -> bool:
    """Whether a result has its own memory, which only `user` reads."""
    is_view = node.target in VIEWS
    return node.op == "call_function" and not is_view and list(node.users) == [user]


def _is_static(node: fx.Node, values: dict[fx.Node, Any]) -> bool:
    """Whether a node can be computed once: a constant, or a view of parameters."""
    if node.op == "get_attr" or node.target in SHAPED:
        return True
    if any(argument not in values for argument in node.all_input_nodes):
        return False
    if not any(_is_live(values[argument]) for argument in node.all_input_nodes):
        return True
    return node.target in VIEWS


def _is_live(value: Any) -> bool:
    """Whether a value changes while training: a parameter, or a view of one."""
    return isinstance(value, nn.Parameter) or getattr(value, "_distnet_is_live", False)


def _evaluated(module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
    if node.op == "get_attr":
        return getattr(module, str(node.target))
    if node.target in SHAPED:
        meta = node.meta["tensor_meta"]
        fill = float(node.target is aten.ones_like.default)
        return torch.full(meta.shape, fill, dtype=meta.dtype)
    is_live = any(_is_live(values[argument]) for argument in node.all_input_nodes)
    known = {argument: values[argument] for argument in node.all_input_nodes}
    arguments = fx.node.map_arg(node.args, known.__getitem__)
    options = fx.node.map_arg(node.kwargs, known.__getitem__)
    assert callable(node.target)
    with torch.no_grad():
        value = node.target(*arguments, **options)
    if is_live:
        value._distnet_is_live = True
    return value


def _written(value: Any, names: dict[str, Any], values: dict[fx.Node, Any]) -> str:
    """An argument as Python text; anything but a plain number gets a name."""
    if isinstance(value, fx.Node):
        return _named(values[value], names) if value in values else value.name
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(each, names, values) for each in value)}]"
    if value is None or isinstance(value, bool | int):
        return repr(value)
    return _named(value, names)


def _named(value: Any, names: dict[str, Any]) -> str:
    for name, known in names.items():
        if known is value:
            return name
    names[f"C{len(names)}"] = value
    return f"C{len(names) - 1}"


def _last_uses(graph: fx.Graph) -> dict[fx.Node, list[fx.Node]]:
    """For each node, the results that are not needed after it."""
    ends: dict[fx.Node, list[fx.Node]] = {}
    for node in graph.nodes:
        if node.op == "call_function" and node.users:
            ends.setdefault(max(node.users), []).append(node)
    return ends
