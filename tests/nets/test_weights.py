from __future__ import annotations

import errno
import json
from pathlib import Path
from urllib.error import URLError

import numpy as np
import onnx
import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tbspot.description import METADATA_KEY, Description
from tbspot.errors import TbspotError
from tbspot.nets.classifier import Classifier
from tbspot.nets.resnet import ResNet50
from tbspot.nets.weights import build_classifier, load_classifier, save_classifier, stride_place_of

SMALL = Description(name="small", size=32, output_stride=8, pooling="lse")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    torch.manual_seed(0)
    net = build_classifier(SMALL)
    torch.nn.init.normal_(net.head.weight)
    net.bias.data.fill_(-1.5)
    return net.eval()


@pytest.fixture(scope="module")
def model_file(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_classifier(path, classifier, SMALL)
    return path


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, Tensor]:
    state = ResNet50().state_dict()
    return state | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


def test_a_model_is_read_as_it_was_written(classifier: Classifier, model_file: Path) -> None:
    loaded, description = load_classifier(model_file)
    assert description.model_copy(update={"version": ""}) == SMALL
    assert not loaded.training
    films = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(loaded(films).map, classifier(films).map)


def test_the_version_tells_weights_and_settings_apart(
    classifier: Classifier, model_file: Path, tmp_path: Path
) -> None:
    version = load_classifier(model_file)[1].version
    assert len(version) == 16
    assert save_classifier(tmp_path / "a", classifier, SMALL).version == version
    other = SMALL.model_copy(update={"score_threshold": 0.4})
    assert save_classifier(tmp_path / "a", classifier, other).version != version
    classifier.bias.data.add_(0.5)
    assert save_classifier(tmp_path / "a", classifier, SMALL).version != version
    classifier.bias.data.sub_(0.5)


def test_a_truncated_model_is_one_clear_sentence(model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    path.write_bytes(model_file.read_bytes()[: 2**20])
    with pytest.raises(TbspotError, match=r"half\.safetensors cannot be read .* truncated"):
        load_classifier(path)


def test_an_absent_model_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"absent\.safetensors does not exist"):
        load_classifier(tmp_path / "absent.safetensors")


def test_weights_of_another_architecture_are_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"layer.weight": torch.zeros(3)}, path)
    with pytest.raises(TbspotError, match=r"other\.safetensors is not a model of this release"):
        load_classifier(path)
    safetensors.torch.save_file(
        {"layer.weight": torch.zeros(3)}, path, {"tbspot": SMALL.model_dump_json()}
    )
    with pytest.raises(TbspotError, match="of another architecture"):
        load_classifier(path)


def test_a_description_from_another_release_is_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "newer.safetensors"
    newer = json.dumps(SMALL.model_dump() | {"attention": 8})
    safetensors.torch.save_file({"bias": torch.zeros(1)}, path, {"tbspot": newer})
    with pytest.raises(TbspotError, match=r"newer\.safetensors"):
        load_classifier(path)
    with pytest.raises(TbspotError, match=r"newer\.safetensors"):
        stride_place_of(str(path))


def test_torchvision_s_weights_are_taken_without_their_classifier(
    torchvision_state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "resnet50.safetensors"
    halved = {k: v.half() if v.is_floating_point() else v for k, v in torchvision_state.items()}
    safetensors.torch.save_file(halved, path)
    body = build_classifier(SMALL, str(path)).body.state_dict()
    assert body["conv1.weight"].dtype == torch.float32
    assert all(torch.equal(body[name], halved[name].to(body[name])) for name in body)


def test_weights_that_lack_a_layer_are_one_clear_sentence_that_names_it(
    torchvision_state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "part.safetensors"
    part = {k: v for k, v in torchvision_state.items() if not k.startswith("layer4.2.conv3")}
    safetensors.torch.save_file(part, path)
    with pytest.raises(TbspotError, match=r"first difference: layer4\.2\.conv3\.weight"):
        build_classifier(SMALL, str(path))


def test_weights_trained_with_the_stride_elsewhere_are_refused(
    torchvision_state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "v1.safetensors"
    metadata = {"architecture": "ResNet50 v1: stride in the first 1x1 convolution"}
    safetensors.torch.save_file(torchvision_state, path, metadata)
    assert stride_place_of(str(path)) == "1x1"
    with pytest.raises(TbspotError, match=r"v1\.safetensors was trained .* in the 1x1"):
        build_classifier(SMALL, str(path))
    right = SMALL.model_copy(update={"stride_place": "1x1"})
    assert build_classifier(right, str(path)).body.stride_place == "1x1"


def test_from_a_model_of_tbspot_the_head_goes_on_too(
    classifier: Classifier, model_file: Path
) -> None:
    assert stride_place_of(str(model_file)) == "3x3"
    going_on = build_classifier(SMALL, str(model_file))
    assert torch.equal(going_on.head.weight, classifier.head.weight)
    assert going_on.bias.item() == -1.5


@pytest.mark.parametrize(
    ("name", "tensor", "sentence"),
    [
        ("head.weight", None, "of another architecture"),
        ("head.weight", torch.zeros(1, 7, 1, 1), "of another architecture"),
        ("bias", None, "of another architecture"),
        ("bias", torch.zeros(5), "of another architecture"),
        ("body.bn1.num_batches_tracked", torch.zeros(5, dtype=torch.long), "of another archi"),
        ("body.conv1.weight", torch.ones(64, 1, 7, 7).char(), "conv1.weight as int8; give"),
        ("body.conv1.weight", torch.ones(64, 1, 7, 7).cfloat(), "conv1.weight as complex64; give"),
    ],
)
def test_a_model_with_other_weights_than_it_says_is_one_clear_sentence_to_begin_with(
    model_file: Path, tmp_path: Path, name: str, tensor: Tensor | None, sentence: str
) -> None:
    state = safetensors.torch.load_file(model_file)
    state.pop(name)
    path = tmp_path / "other.safetensors"
    more = {} if tensor is None else {name: tensor}
    safetensors.torch.save_file(state | more, path, {"tbspot": SMALL.model_dump_json()})
    for use in (lambda: build_classifier(SMALL, str(path)), lambda: load_classifier(path)):
        with pytest.raises(TbspotError, match=rf"other\.safetensors .*{sentence}"):
            use()


@pytest.mark.parametrize(
    ("name", "tensor", "sentence"),
    [
        ("conv1.weight", torch.ones(64, 1, 7, 7).char(), "has the weights conv1.weight as int8"),
        ("bn1.num_batches_tracked", torch.zeros(5, dtype=torch.long), "first difference: bn1.num"),
    ],
)
def test_torchvision_s_weights_of_another_type_or_shape_are_one_clear_sentence(
    torchvision_state: dict[str, Tensor], tmp_path: Path, name: str, tensor: Tensor, sentence: str
) -> None:
    path = tmp_path / "resnet50.safetensors"
    safetensors.torch.save_file(torchvision_state | {name: tensor}, path)
    with pytest.raises(TbspotError, match=sentence):
        build_classifier(SMALL, str(path))


@pytest.mark.parametrize("init", ["random", "imagenet"])
def test_torchvision_s_stride_is_in_the_3x3_convolution(init: str) -> None:
    assert stride_place_of(init) == "3x3"


@pytest.mark.parametrize(
    ("fault", "said"),
    [(URLError("no network"), r'cannot be downloaded .* `init="random"`'),
     (RuntimeError("invalid hash value"), r'cannot be downloaded .* `init="random"`'),
     (OSError(errno.ENOSPC, "No space"), r"cannot be kept in .* \(No space\).*TORCH_HOME"),
     (PermissionError(errno.EROFS, "Read-only", "/x"), r"cannot be kept in .* \(Read-only\)")],
)  # fmt: skip
def test_imagenet_weights_that_cannot_be_had_are_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, said: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(TbspotError, match=said):
        build_classifier(SMALL, "imagenet")


@pytest.mark.usefixtures("small_disk")
def test_a_model_file_that_does_not_fit_on_the_disk_is_one_clear_sentence(
    classifier: Classifier, model_file: Path
) -> None:
    before = model_file.read_bytes()
    with pytest.raises(TbspotError, match=r"cannot write .*model\.safetensors"):
        save_classifier(model_file, classifier, SMALL)
    assert model_file.read_bytes() == before
    assert [path.name for path in model_file.parent.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(("pooling", "taken"), [("lse", True), ("mean", False)])
def test_a_head_is_taken_over_only_under_the_pooling_it_was_trained_with(
    tmp_path: Path, pooling: str, taken: bool
) -> None:
    net = build_classifier(SMALL)
    torch.nn.init.ones_(net.head.weight)
    save_classifier(tmp_path / "teacher.safetensors", net, SMALL)
    description = SMALL.model_copy(update={"pooling": pooling})
    student = build_classifier(description, str(tmp_path / "teacher.safetensors"))
    assert bool(student.head.weight.eq(1).all()) is taken
    assert bool(student.head.weight.eq(0).all()) is not taken


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"evidence": "probability", "refinement": "affinity"}, "refinement affinity: .*in logits"),
        ({"map_threshold": 1.5}, "map threshold 1.5: .*less than 1"),
        ({"sharpness": 1}, "sharpness 1: .*not permitted"),
    ],
)
def test_a_change_that_cannot_be_is_one_clear_sentence(
    model_file: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(TbspotError, match=rf"model\.safetensors cannot have {sentence}"):
        load_classifier(model_file, changes)


def test_a_change_is_the_net_s_and_the_description_s(model_file: Path) -> None:
    classifier, described = load_classifier(model_file, {"refinement": "affinity", "size": 64})
    assert classifier.refinement == described.refinement == "affinity"
    assert described.size == 64
    assert load_classifier(model_file)[1].refinement == "none"


def test_a_net_without_the_last_stage_starts_from_one_that_has_it(
    classifier: Classifier, model_file: Path, tmp_path: Path
) -> None:
    short = build_classifier(SMALL.model_copy(update={"stages": 3}), str(model_file))
    state, whole = short.state_dict(), classifier.state_dict()
    assert not short.head.weight.any()  # that of other features means nothing here
    taken = [name for name in state if name.startswith("body")]
    assert [name for name in taken if not torch.equal(state[name], whole[name])] == []
    path = tmp_path / "short.safetensors"
    short.head.weight.data.fill_(0.5)
    save_classifier(path, short, SMALL.model_copy(update={"stages": 3}))
    again, description = load_classifier(path)
    assert description.stages == 3
    assert torch.equal(again.head.weight, short.head.weight)
    with pytest.raises(
        TbspotError, match=r"short\.safetensors is a net of 3 stages.*; use `stages=3`"
    ):
        build_classifier(SMALL, str(path))


@pytest.mark.slow
def test_a_net_goes_on_from_an_exported_model(exported: Path, checkpoint: Path) -> None:
    description = load_classifier(checkpoint)[1]
    given = build_classifier(description, str(exported))
    whole = build_classifier(description, str(checkpoint))
    assert given.bias.item() == whole.bias.item() == 0.25
    torch.testing.assert_close(given.head.weight, whole.head.weight, atol=1e-3, rtol=1e-3)
    assert stride_place_of(str(exported)) == description.stride_place


@pytest.mark.slow
def test_a_truncated_onnx_file_is_one_clear_sentence(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(exported.read_bytes()[:100_000])
    with pytest.raises(TbspotError, match=r"half\.onnx cannot be read .* truncated"):
        load_classifier(path)


@pytest.mark.parametrize("description", [None, SMALL])
def test_an_onnx_file_of_another_net_is_one_clear_sentence(
    description: Description | None, tmp_path: Path
) -> None:
    path = tmp_path / "other.onnx"
    weight = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "body.conv1.weight")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "other", [], [], [weight]))
    if description is not None:
        model.metadata_props.add(key=METADATA_KEY, value=description.model_dump_json())
    onnx.save(model, path)
    with pytest.raises(TbspotError, match=r"other\.onnx is not a model of this release"):
        load_classifier(path)


@pytest.mark.parametrize(
    ("name", "value"), [("head.weight", 1e300), ("body.conv1.weight", float("nan"))]
)
def test_weights_that_are_no_numbers_are_one_clear_sentence(
    model_file: Path, tmp_path: Path, name: str, value: float
) -> None:
    with safetensors.safe_open(model_file, "pt") as file:
        metadata = file.metadata()
    state = safetensors.torch.load_file(model_file)
    state[name] = torch.full_like(state[name], value, dtype=torch.float64)
    safetensors.torch.save_file(state, tmp_path / "a.safetensors", metadata)
    with pytest.raises(TbspotError, match=rf"has weights that are no numbers \({name}\): its"):
        load_classifier(tmp_path / "a.safetensors")
    if name.startswith("body."):
        safetensors.torch.save_file(state, tmp_path / "a.safetensors")
        with pytest.raises(TbspotError, match="has weights that are no numbers"):
            build_classifier(SMALL, str(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("ending", [".onnx", ".safetensors"])
def test_a_file_larger_than_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr("tbspot.nets.weights.MOST_BYTES", 1000)
    path = tmp_path / f"model{ending}"
    path.write_bytes(bytes(1001))
    with pytest.raises(TbspotError, match="cannot be read: 1,001 bytes, more than 1,000"):
        load_classifier(path)
