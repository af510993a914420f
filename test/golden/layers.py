"""Golden values of layers over shaped rows, by PyTorch: written by make.py into values/layer-*.json.

Each case is a config of ours (`inputShape`, `layers`) with what torch makes of the same thing: outputs, back-signals and
gradients of every parameter by our names. Rows are channels last here and in the files; torch wants channels first.
"""

import math

import torch
import torch.nn.functional as F

ROWS = 3
# Of the tests' passes: what masks are drawn by.
SEED, BATCH = 7, 3


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011): four uint32 of a counter of four and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = b >> 32 ^ c1 ^ k0, b & 0xFFFFFFFF, a >> 32 ^ c3 ^ k1, a & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def kept(rows, cols, rate, stream=0):
    """The mask of a dropout layer, over 1 - rate: by (seed, layer, batch, row, unit), as the kernel's contract has it."""
    words = [
        [philox((c >> 2, row, BATCH, stream), (SEED, 0x0D0FF005))[c % 4] for c in range(cols)] for row in range(rows)
    ]
    return (torch.tensor(words) >= math.floor(rate * 2**32)) / (1 - rate)


def cases(grid, leaf, flat):
    """name -> case. `grid`: numbers exact in float32."""

    def case(shape, layers, parameters, forward, statistics=None):
        """
        `parameters`: our name -> tensor as we store it; `forward(x, p)`: x [rows, *shape] -> y, channels last.
        `statistics`: our name -> (value before, value after the step), of what is not learned.
        """
        statistics = statistics or {}
        x = leaf(grid(ROWS, *shape))
        p = {name: leaf(value) for name, value in parameters.items()}
        y = forward(x, p)
        dy = grid(*y.shape)
        y.backward(dy)
        return {
            "inputShape": list(shape), "layers": layers, "rows": ROWS,
            "x": flat(x), "dy": flat(dy), "y": flat(y), "dx": flat(x.grad),
            "parameters": {
                **{name: flat(value) for name, value in p.items()},
                **{name: flat(before) for name, (before, _) in statistics.items()},
            },
            "statistics": {name: flat(after) for name, (_, after) in statistics.items()},
            "gradients": {name: flat(value.grad) for name, value in p.items()},
        }

    def conv2d(shape, kernel, torch_padding, **config):
        """kernel: [height, width, channels / groups, filters]; `torch_padding`: left, right, top, bottom."""
        layer = {"type": "conv2d", "filters": kernel[3], "kernelSize": kernel[:2], **config}

        def forward(x, p):
            padded = F.pad(x.permute(0, 3, 1, 2), torch_padding)
            y = F.conv2d(
                padded, p["conv2d_1/kernel"].permute(3, 2, 0, 1), p["conv2d_1/bias"],
                stride=config.get("strides", 1), dilation=config.get("dilationRate", 1), groups=config.get("groups", 1),
            )
            return y.permute(0, 2, 3, 1)

        parameters = {"conv2d_1/kernel": grid(*kernel), "conv2d_1/bias": grid(kernel[3])}
        return case(shape, [layer], parameters, forward)

    def conv1d(shape, kernel, torch_padding, **config):
        layer = {"type": "conv1d", "filters": kernel[2], "kernelSize": kernel[0], **config}

        def forward(x, p):
            padded = F.pad(x.permute(0, 2, 1), torch_padding)
            weight = p["conv1d_1/kernel"].permute(2, 1, 0)
            options = {"stride": config.get("strides", 1), "dilation": config.get("dilationRate", 1)}
            return F.conv1d(padded, weight, p["conv1d_1/bias"], **options).permute(0, 2, 1)

        parameters = {"conv1d_1/kernel": grid(*kernel), "conv1d_1/bias": grid(kernel[2])}
        return case(shape, [layer], parameters, forward)

    def pool(shape, layer, function):
        return case(shape, [layer], {}, lambda x, p: function(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))

    def global_pool(layer, function):
        return case([3, 4, 2], [layer], {}, lambda x, p: function(x.flatten(1, 2)))

    def network():
        """Convolution, relu, max-pooling, flatten (channels last), dense."""
        layers = [
            {"type": "conv2d", "filters": 3, "kernelSize": 3, "padding": "same", "activation": {"type": "relu"}},
            {"type": "maxPooling2d"},
            {"type": "flatten"},
            {"type": "dense", "units": 4},
        ]

        def forward(x, p):
            weight = p["conv2d_1/kernel"].permute(3, 2, 0, 1)
            h = F.relu(F.conv2d(x.permute(0, 3, 1, 2), weight, p["conv2d_1/bias"], padding=1))
            h = F.max_pool2d(h, 2).permute(0, 2, 3, 1).flatten(1)
            return h @ p["dense_1/kernel"] + p["dense_1/bias"]

        parameters = {
            "conv2d_1/kernel": grid(3, 3, 2, 3), "conv2d_1/bias": grid(3),
            "dense_1/kernel": grid(12, 4), "dense_1/bias": grid(4),
        }
        return case([4, 4, 2], layers, parameters, forward)

    def batch_norm():
        """Moments over rows and positions. torch's running variance is unbiased: ours, by Keras, is not; so by hand."""
        gamma, beta = grid(3), grid(3)
        mean, variance = grid(3), grid(3).abs() + 0.5
        layer = {"type": "batchNorm", "momentum": 0.75, "epsilon": 0.125}
        seen = []

        def forward(x, p):
            seen.append(x.detach().flatten(0, 2))
            y = F.batch_norm(
                x.permute(0, 3, 1, 2), None, None, p["batchNorm_1/gamma"], p["batchNorm_1/beta"], True, 0.0, 0.125,
            )
            return y.permute(0, 2, 3, 1)

        made = case([2, 3, 3], [layer], {"batchNorm_1/gamma": gamma, "batchNorm_1/beta": beta}, forward)
        x = seen[0]
        after = {
            "batchNorm_1/movingMean": 0.75 * mean + 0.25 * x.mean(0),
            "batchNorm_1/movingVariance": 0.75 * variance + 0.25 * x.var(0, unbiased=False),
        }
        made["parameters"] |= {"batchNorm_1/movingMean": flat(mean), "batchNorm_1/movingVariance": flat(variance)}
        made["statistics"] = {name: flat(value) for name, value in after.items()}
        return made

    def row_norm(shape, layer, function):
        names = [f"{layer['type']}_1/gamma"] + ([f"{layer['type']}_1/beta"] if layer["type"] != "rmsNorm" else [])
        return case(shape, [layer], {name: grid(shape[-1]) for name in names}, lambda x, p: function(x, *p.values()))

    def rms_norm(x, gamma):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * gamma

    def group_norm(x, gamma, beta):
        return F.group_norm(x.permute(0, 3, 1, 2), 2, gamma, beta, 0.001).permute(0, 2, 3, 1)

    def attention(causal):
        """torch's module: in_proj is [3 channels, channels], queries first."""
        module = torch.nn.MultiheadAttention(6, 2, batch_first=True)

        def forward(x, p):
            mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1) if causal else None
            y, _ = F.multi_head_attention_forward(
                *[x.transpose(0, 1)] * 3, 6, 2,
                p["attention_1/qkv/kernel"].T, p["attention_1/qkv/bias"], None, None, False, 0.0,
                p["attention_1/output/kernel"].T, p["attention_1/output/bias"], attn_mask=mask,
            )
            return y.transpose(0, 1)

        assert module.in_proj_weight.shape == (18, 6)
        parameters = {
            "attention_1/qkv/kernel": grid(6, 18), "attention_1/qkv/bias": grid(18),
            "attention_1/output/kernel": grid(6, 6), "attention_1/output/bias": grid(6),
        }
        return case([4, 6], [{"type": "attention", "numHeads": 2, "causal": causal}], parameters, forward)

    def recurrent(kind, sequences):
        """torch's weights are [gates, inputs]; its GRU has the gates r, z, n, ours z, r, n. One bias of ours is two of its."""
        units, steps, channels = 3, 5, 2
        gates = 4 if kind == "lstm" else 3
        biases = ["bias"] if kind == "lstm" else ["bias", "recurrentBias"]
        parameters = {
            f"{kind}_1/kernel": grid(channels, gates * units), f"{kind}_1/recurrentKernel": grid(units, gates * units),
            **{f"{kind}_1/{bias}": grid(gates * units) for bias in biases},
        }

        def there(tensor):
            parts = list((tensor.T if tensor.dim() == 2 else tensor).split(units))
            return torch.cat(parts if kind == "lstm" else [parts[1], parts[0], parts[2]])

        def forward(x, p):
            w, u, b, *own = (there(p[name]) for name in parameters)
            hidden = torch.zeros(1, ROWS, units)
            own = own[0] if own else torch.zeros(gates * units)
            run = torch._VF.lstm if kind == "lstm" else torch._VF.gru
            first = (hidden, hidden) if kind == "lstm" else hidden
            y = run(x, first, [w, u, b, own], True, 1, 0.0, False, False, True)[0]
            return y if sequences else y[:, -1]

        layer = {"type": kind, "units": units, "returnSequences": sequences}
        return case([steps, channels], [layer], parameters, forward)

    def embedding():
        """Indices are whole numbers, some of them the same; they have no gradient."""
        indices = torch.tensor([[0.0, 3, 3, 1], [4, 4, 4, 0], [2, 1, 0, 3]])
        table = leaf(grid(5, 3))
        y = F.embedding(indices.long(), table)
        dy = grid(*y.shape)
        y.backward(dy)
        return {
            "inputShape": [4], "layers": [{"type": "embedding", "inputDim": 5, "outputDim": 3}], "rows": ROWS,
            "x": flat(indices), "dy": flat(dy), "y": flat(y), "dx": None,
            "parameters": {"embedding_1/embeddings": flat(table)}, "statistics": {},
            "gradients": {"embedding_1/embeddings": flat(table.grad)},
        }

    def pool1d(layer, function):
        return case([7, 3], [layer], {}, lambda x, p: function(x.transpose(1, 2)).transpose(1, 2))

    def position_embedding():
        parameters = {"positionEmbedding_1/embeddings": grid(4, 3)}
        return case([4, 3], [{"type": "positionEmbedding"}], parameters, lambda x, p: x + p[next(iter(parameters))])

    def custom():
        """The tests' own layer: gain SiLU(x) + offset."""
        parameters = {"custom_1/gain": grid(4), "custom_1/offset": grid(4)}
        layer = {"type": "custom", "module": "test/model/own/swish.ts"}
        return case([3, 4], [layer], parameters, lambda x, p: F.silu(x) * p["custom_1/gain"] + p["custom_1/offset"])

    def bidirectional(kind, merge):
        """torch's own bidirectional module, functional: forward weights first, then those of the way back."""
        units, steps, channels = 3, 5, 2
        gates = 4 if kind == "lstm" else 3
        biases = ["bias"] if kind == "lstm" else ["bias", "recurrentBias"]
        parameters = {
            f"bidirectional_1/{way}/{part}": grid(*shape)
            for way in ("forward", "reverse")
            for part, shape in (
                ("kernel", (channels, gates * units)), ("recurrentKernel", (units, gates * units)),
                *((bias, (gates * units,)) for bias in biases),
            )
        }

        def there(tensor):
            parts = list((tensor.T if tensor.dim() == 2 else tensor).split(units))
            return torch.cat(parts if kind == "lstm" else [parts[1], parts[0], parts[2]])

        def forward(x, p):
            weights = []
            for way in ("forward", "reverse"):
                own = [there(p[name]) for name in parameters if f"/{way}/" in name]
                weights += own if len(own) == 4 else [*own, torch.zeros(gates * units)]
            hidden = torch.zeros(2, ROWS, units)
            if kind == "lstm":
                return torch._VF.lstm(x, (hidden, hidden), weights, True, 1, 0.0, False, True, True)[0]
            last = torch._VF.gru(x, hidden, weights, True, 1, 0.0, False, True, True)[1]
            return last[0] + last[1] if merge == "sum" else torch.cat([last[0], last[1]], -1)

        layer = {"type": kind, "units": units, "returnSequences": kind == "lstm"}
        return case([steps, channels], [{"type": "bidirectional", "layer": layer, "mergeMode": merge}], parameters, forward)

    def resnet(shape, filters, strides, bottleneck):
        """He et al.: relu(F(x) + s(x)), each convolution without bias and normalised over the batch (epsilon as in Keras)."""
        inside = "resnetBlock_1/residual_1"
        sizes = [1, 3, 1] if bottleneck else [3, 3]
        widths = [shape[2], *([filters, filters, 4 * filters] if bottleneck else [filters, filters])]
        steps = [strides if i == (1 if bottleneck else 0) else 1 for i in range(len(sizes))]
        parameters, statistics = {}, {}
        for i, size in enumerate(sizes):
            norm = f"{inside}/batchNorm_{i + 1}"
            parameters[f"{inside}/conv2d_{i + 1}/kernel"] = grid(size, size, widths[i], widths[i + 1])
            parameters |= {f"{norm}/gamma": grid(widths[i + 1]), f"{norm}/beta": grid(widths[i + 1])}
            zeros, ones = torch.zeros(widths[i + 1]), torch.ones(widths[i + 1])
            statistics |= {f"{norm}/movingMean": zeros, f"{norm}/movingVariance": ones}
        projected = strides != 1 or widths[0] != widths[-1]
        if projected:
            parameters[f"{inside}/shortcut"] = grid(widths[0], widths[-1])

        def forward(x, p):
            h = x = x.permute(0, 3, 1, 2)
            for i, step in enumerate(steps):
                kernel = p[f"{inside}/conv2d_{i + 1}/kernel"].permute(3, 2, 0, 1)
                # Of odd lengths, so that `same` pads both edges alike.
                h = F.conv2d(h, kernel, None, step, kernel.shape[2] // 2)
                norm = f"{inside}/batchNorm_{i + 1}"
                h = F.batch_norm(h, None, None, p[f"{norm}/gamma"], p[f"{norm}/beta"], True, 0.0, 1e-3)
                if i + 1 < len(steps):
                    h = F.relu(h)
            if projected:
                x = F.conv2d(x, p[f"{inside}/shortcut"].T[:, :, None, None], None, strides)
            return F.relu(h + x).permute(0, 2, 3, 1)

        layer = {"type": "resnetBlock", "filters": filters, "strides": strides, "bottleneck": bottleneck}
        made = case(shape, [layer], parameters, forward)
        made["parameters"] |= {name: flat(value) for name, value in statistics.items()}
        return made

    def transformer():
        """torch's own encoder layer, normalised first; its attention's weights are [3 channels, channels]."""
        steps, channels, units, heads = 4, 6, 8, 2
        first, second = "transformerBlock_1/residual_1", "transformerBlock_1/residual_2"
        parameters = {
            f"{first}/layerNorm_1/gamma": grid(channels), f"{first}/layerNorm_1/beta": grid(channels),
            f"{first}/attention_1/qkv/kernel": grid(channels, 3 * channels), f"{first}/attention_1/qkv/bias": grid(3 * channels),
            f"{first}/attention_1/output/kernel": grid(channels, channels), f"{first}/attention_1/output/bias": grid(channels),
            f"{second}/layerNorm_1/gamma": grid(channels), f"{second}/layerNorm_1/beta": grid(channels),
            f"{second}/dense_1/kernel": grid(channels, units), f"{second}/dense_1/bias": grid(units),
            f"{second}/dense_2/kernel": grid(units, channels), f"{second}/dense_2/bias": grid(channels),
        }
        module = torch.nn.TransformerEncoderLayer(
            channels, heads, units, 0.0, F.gelu, 1e-5, batch_first=True, norm_first=True,
        )
        there = dict(zip(parameters, (
            "norm1.weight", "norm1.bias", "self_attn.in_proj_weight", "self_attn.in_proj_bias",
            "self_attn.out_proj.weight", "self_attn.out_proj.bias", "norm2.weight", "norm2.bias",
            "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
        )))

        def forward(x, p):
            mask = torch.triu(torch.ones(steps, steps, dtype=torch.bool), 1)
            weights = {there[name]: value.T if value.dim() == 2 else value for name, value in p.items()}
            return torch.nn.utils.stateless.functional_call(module, weights, (x, mask))

        layer = {"type": "transformerBlock", "numHeads": heads, "units": units, "causal": True}
        return case([steps, channels], [layer], parameters, forward)

    def graph():
        """Two inputs through one layer, their sum and what they are beside each other, reshaped, with slopes of its own."""
        layers = [
            {"type": "dense", "units": 6, "activation": {"type": "tanh"}, "inputs": ["left"], "name": "tower"},
            {"type": "shared", "layer": "tower", "inputs": ["right"], "name": "again"},
            {"type": "add", "inputs": ["tower", "again"], "name": "sum"},
            {"type": "concatenate", "inputs": ["tower", "sum", "again"]},
            {"type": "reshape", "targetShape": [3, -1]},
            {"type": "prelu"},
            {"type": "residual", "layers": [{"type": "dense", "units": 6}, {"type": "activation", "activation": {"type": "gelu"}}]},
            {"type": "flatten"},
            {"type": "dense", "units": 2},
        ]

        def forward(x, p):
            tower, again = (torch.tanh(part @ p["tower/kernel"] + p["tower/bias"]) for part in x.split(4, 1))
            h = torch.cat([tower, tower + again, again], 1).reshape(ROWS, 3, 6)
            h = torch.where(h > 0, h, h * p["prelu_1/alpha"])
            h = h + F.gelu(h @ p["residual_1/dense_1/kernel"] + p["residual_1/dense_1/bias"])
            return h.flatten(1) @ p["dense_1/kernel"] + p["dense_1/bias"]

        parameters = {
            "tower/kernel": grid(4, 6), "tower/bias": grid(6), "prelu_1/alpha": grid(6),
            "residual_1/dense_1/kernel": grid(6, 6), "residual_1/dense_1/bias": grid(6),
            "dense_1/kernel": grid(18, 2), "dense_1/bias": grid(2),
        }
        made = case([8], layers, parameters, forward)
        made["inputShape"] = [{"name": "left", "shape": [4]}, {"name": "right", "shape": [4]}]
        return made

    return {
        "conv2d": conv2d([5, 6, 2], [3, 3, 2, 4], [0, 0, 0, 0]),
        # 5 + pad = 2 x 2 + 3: one above and one below; 6 + pad = 2 x 2 + 2: none.
        "conv2d-same": conv2d([5, 6, 2], [3, 2, 2, 3], [0, 0, 1, 1], strides=2, padding="same"),
        "conv2d-explicit": conv2d([4, 4, 3], [2, 2, 3, 2], [1, 1, 1, 0], padding=[[1, 0], 1], dilationRate=2),
        "conv2d-groups": conv2d([4, 5, 4], [2, 2, 2, 6], [0, 0, 0, 0], groups=2),
        "conv2d-depthwise": conv2d([5, 5, 3], [3, 3, 1, 3], [1, 1, 1, 1], groups=3, padding=1, strides=2),
        "conv1d": conv1d([7, 3], [3, 3, 4], [0, 0], strides=2),
        "conv1d-causal": conv1d([6, 2], [3, 2, 3], [4, 0], padding="causal", dilationRate=2),
        "maxPooling2d": pool([5, 4, 3], {"type": "maxPooling2d"}, lambda x: F.max_pool2d(x, 2)),
        "maxPooling2d-overlap": pool(
            [5, 5, 2], {"type": "maxPooling2d", "poolSize": 3, "strides": 2, "padding": 1},
            lambda x: F.max_pool2d(x, 3, 2, 1),
        ),
        "averagePooling2d": pool(
            [5, 4, 2], {"type": "averagePooling2d", "poolSize": 3, "strides": [2, 1], "padding": 1},
            lambda x: F.avg_pool2d(x, 3, (2, 1), 1, count_include_pad=False),
        ),
        "globalAveragePooling2d": global_pool({"type": "globalAveragePooling2d"}, lambda x: x.mean(1)),
        "globalMaxPooling2d": global_pool({"type": "globalMaxPooling2d"}, lambda x: x.amax(1)),
        "network": network(),
        "batchNorm": batch_norm(),
        "layerNorm": row_norm([2, 5], {"type": "layerNorm"}, lambda x, g, b: F.layer_norm(x, [5], g, b, 0.001)),
        "rmsNorm": row_norm([2, 7], {"type": "rmsNorm"}, rms_norm),
        "groupNorm": row_norm([2, 3, 6], {"type": "groupNorm", "groups": 2}, group_norm),
        "attention": attention(False),
        "attention-causal": attention(True),
        "embedding": embedding(),
        "upSampling2d": case(
            [2, 3, 2], [{"type": "upSampling2d", "size": [2, 3]}], {},
            lambda x, p: F.interpolate(x.permute(0, 3, 1, 2), scale_factor=(2, 3)).permute(0, 2, 3, 1),
        ),
        "lstm": recurrent("lstm", False),
        "lstm-sequences": recurrent("lstm", True),
        "gru": recurrent("gru", False),
        "gru-sequences": recurrent("gru", True),
        "maxPooling1d": pool1d(
            {"type": "maxPooling1d", "poolSize": 3, "strides": 2, "padding": 1}, lambda x: F.max_pool1d(x, 3, 2, 1),
        ),
        "averagePooling1d": pool1d(
            {"type": "averagePooling1d", "poolSize": 3, "strides": 2, "padding": 1},
            lambda x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False),
        ),
        "globalAveragePooling1d": case([5, 3], [{"type": "globalAveragePooling1d"}], {}, lambda x, p: x.mean(1)),
        "globalMaxPooling1d": case([5, 3], [{"type": "globalMaxPooling1d"}], {}, lambda x, p: x.amax(1)),
        "upSampling1d": case(
            [4, 3], [{"type": "upSampling1d", "size": 3}], {},
            lambda x, p: F.interpolate(x.transpose(1, 2), scale_factor=3).transpose(1, 2),
        ),
        "dropout": case([6], [{"type": "dropout", "rate": 0.375}], {}, lambda x, p: x * kept(ROWS, 6, 0.375)),
        "spatialDropout1d": case(
            [4, 5], [{"type": "spatialDropout1d", "rate": 0.375}], {}, lambda x, p: x * kept(ROWS, 5, 0.375)[:, None],
        ),
        "spatialDropout2d": case(
            [2, 3, 6], [{"type": "spatialDropout2d", "rate": 0.375}], {},
            lambda x, p: x * kept(ROWS, 6, 0.375)[:, None, None],
        ),
        "positionEmbedding": position_embedding(),
        "custom": custom(),
        "bidirectional-lstm": bidirectional("lstm", "concat"),
        "bidirectional-gru": bidirectional("gru", "concat"),
        "bidirectional-gru-sum": bidirectional("gru", "sum"),
        "resnetBlock": resnet([4, 4, 3], 3, 1, False),
        "resnetBlock-strides": resnet([5, 3, 2], 3, 2, False),
        "resnetBlock-bottleneck": resnet([5, 5, 4], 2, 2, True),
        "transformerBlock": transformer(),
        "graph": graph(),
    }
