"""Models of Keras 3 with what they give, for test/interop/keras3.test.ts: its own config and names of weights, in the layout that
tensorflowjs_converter gives them (model.json, weights end to end).

Run:    KERAS_BACKEND=jax python3 test/golden/keras3.py     (Keras 3.15.1)
Writes: test/golden/values/keras3-models.json: [{"name", "document", "weights", "x", "y"}], numbers in base64
"""

import base64
import json
import os

import keras
import numpy as np
from keras import layers as L

ROWS = 4


def chain(*layers):
    return keras.Sequential(list(layers))


def towers():
    left, image = L.Input((4,), name="left"), L.Input((4, 4, 1), name="image")
    tower = L.Dense(5, "tanh", name="tower")
    one, other = tower(left), tower(L.Dense(4)(left))
    conv = L.Conv2D(3, 3, padding="same")(image)
    seen = L.Flatten()(L.Concatenate(axis=-1)([conv, image]))
    return keras.Model([left, image], L.Dense(3, "softmax")(L.Concatenate()([L.Add()([one, other]), seen])))


def transformer():
    rows = L.Input((6, 8), name="rows")
    mixed = L.MultiHeadAttention(2, 4, name="causal")(rows, rows, use_causal_mask=True)
    sum = L.RMSNormalization()(L.Add()([rows, mixed]))
    all = L.MultiHeadAttention(3, 5, use_bias=False, name="all")(query=sum, value=sum, key=sum)
    return keras.Model(rows, L.Dense(3)(L.GlobalAveragePooling1D()(L.GroupNormalization(4)(all))))


def model_of(name):
    return {
        "images: convolution, normalisation, pooling": lambda: chain(
            *(L.Input((9, 8, 3)), L.Conv2D(6, (3, 2), strides=(2, 1), padding="same", activation="relu")),
            *(L.BatchNormalization(), L.MaxPooling2D(2), L.DepthwiseConv2D(2, depth_multiplier=2, activation="tanh")),
            *(L.LeakyReLU(negative_slope=0.1), L.GlobalAveragePooling2D(), L.Dropout(0.2), L.Dense(2, "sigmoid")),
        ),
        "series: LSTM and GRU from both ends": lambda: chain(
            *(L.Input((5, 3)), L.Bidirectional(L.LSTM(4, return_sequences=True))),
            *(L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="sum"), L.LayerNormalization()),
            *(L.TimeDistributed(L.Dense(4, "relu")), L.Bidirectional(L.LSTM(2, use_bias=False), name="last"), L.Dense(3)),
        ),
        "words: embedding, GRU": lambda: chain(
            *(L.Input((6,)), L.Embedding(9, 5), L.GRU(4, return_sequences=True), L.LSTM(5), L.Dense(3, "softmax")),
        ),
        "branches, several inputs, shared weights": towers,
        "attention, causal and not, group and RMS normalisation": transformer,
    }[name]


def numbers(values):
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def case(name):
    keras.backend.clear_session()
    random = np.random.default_rng(7)
    model = model_of(name)()
    # Nothing that would not be noticed: no bias of 0, no factor of 1.
    for variable in model.weights:
        scale = 0.5 if variable.path.endswith(("kernel", "embeddings")) else 0.3
        values = scale * random.standard_normal(variable.shape)
        variable.assign(0.5 + np.abs(values) if variable.path.endswith("variance") else values)
    shapes = [tensor.shape[1:] for tensor in model.inputs]
    given = [random.standard_normal((ROWS, *shape)).astype("float32") for shape in shapes]
    if name.startswith("words"):
        given = [np.floor(np.abs(values) * 100) % 9 for values in given]
    y = model.predict(given if len(given) > 1 else given[0], verbose=0)
    weights = [variable for variable in model.weights if "seed_generator" not in variable.path]
    return {
        "name": name,
        "document": {
            "format": "layers-model", "generatedBy": f"keras v{keras.__version__}",
            "modelTopology": {
                "keras_version": keras.__version__, "backend": "tensorflow", "model_config": json.loads(model.to_json()),
            },
            "weightsManifest": [{
                "paths": ["weights.bin"],
                "weights": [{"name": w.path, "shape": list(w.shape), "dtype": "float32"} for w in weights],
            }],
        },
        "weights": numbers(np.concatenate([np.asarray(keras.ops.convert_to_numpy(w.value)).ravel() for w in weights])),
        "x": numbers(np.concatenate([values.reshape(ROWS, -1) for values in given], 1)),
        "y": numbers(y),
    }


NAMES = (
    "images: convolution, normalisation, pooling", "series: LSTM and GRU from both ends", "words: embedding, GRU",
    "branches, several inputs, shared weights", "attention, causal and not, group and RMS normalisation",
)
into = os.path.join(os.path.dirname(os.path.abspath(__file__)), "values", "keras3-models.json")
with open(into, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case(name)) for name in NAMES) + "\n]\n")
