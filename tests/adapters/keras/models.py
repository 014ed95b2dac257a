"""Small KerasHub detectors with random weights, whose boxes lie near the anchors."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = (128, 96)
"""Width and height of their input in pixels."""


def images(count: int = 2, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Return images of noise, (height, width, 3) uint8."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(count)]


def retinanet(hub: Any, class_count: int = 4, **converter: Any) -> Any:
    """Return a RetinaNet of three levels.

    It has 3.5 million weights, most of them in the heads. The image converter scales each channel
    differently.
    """
    encoder = hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 64, 64],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )
    backbone = hub.models.RetinaNetBackbone(
        image_encoder=encoder,
        min_level=3,
        max_level=5,
        use_p5=False,
        use_fpn_batch_norm=False,
        image_shape=(None, None, 3),
    )
    settings = {
        "image_size": SIZE[::-1],
        "scale": [1 / 50, 1 / 60, 1 / 70],
        "offset": [-1.0, -2.0, -1.5],
        **converter,
    }
    model = hub.models.RetinaNetObjectDetector(
        backbone,
        num_classes=class_count,
        preprocessor=hub.models.RetinaNetObjectDetectorPreprocessor(
            hub.layers.RetinaNetImageConverter(**settings)
        ),
        anchor_generator=hub.layers.AnchorGenerator(
            "yxyx", 3, 5, num_scales=2, aspect_ratios=[0.4, 1.0, 2.5], anchor_size=3.5
        ),
        pre_logits_num_conv_layers=1,
    )
    for head in (model.box_head, model.classification_head):
        head.prediction_layer.kernel.assign(head.prediction_layer.kernel * 0.1)
        head.prediction_layer.bias.assign(head.prediction_layer.bias * 0)
    return model


def d_fine(hub: Any, class_count: int = 5) -> Any:
    """Return a D-FINE with two levels and twenty queries."""
    extractor = hub.models.HGNetV2Backbone(
        stem_channels=[3, 8, 8],
        stackwise_stage_filters=[
            [8, 8, 16, 1, 3, 3],
            [16, 8, 32, 1, 3, 3],
            [32, 8, 32, 1, 3, 3],
            [32, 8, 32, 1, 3, 3],
        ],
        apply_downsample=[False, True, True, True],
        use_lightweight_conv_block=[False, False, True, True],
        depths=[1, 1, 1, 1],
        hidden_sizes=[16, 32, 32, 32],
        embedding_size=8,
        use_learnable_affine_block=True,
        hidden_act="relu",
        image_shape=(None, None, 3),
        out_features=["stage3", "stage4"],
    )
    backbone = hub.models.DFineBackbone(
        backbone=extractor,
        decoder_in_channels=[16, 16],
        encoder_hidden_dim=16,
        num_denoising=0,
        num_labels=class_count,
        hidden_dim=16,
        learn_initial_query=False,
        num_queries=20,
        anchor_image_size=SIZE[::-1],
        feat_strides=[16, 32],
        num_feature_levels=2,
        encoder_in_channels=[32, 32],
        encode_proj_layers=[1],
        num_attention_heads=2,
        encoder_ffn_dim=16,
        num_encoder_layers=1,
        hidden_expansion=0.5,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        decoder_n_points=[2, 2],
        lqe_hidden_dim=8,
        num_lqe_layers=2,
        out_features=["stage3", "stage4"],
        image_shape=(SIZE[1], SIZE[0], 3),
        seed=0,
    )
    converter = hub.layers.DFineImageConverter(image_size=SIZE[::-1], scale=1 / 255)
    return hub.models.DFineObjectDetector(
        backbone,
        num_classes=class_count,
        preprocessor=hub.models.DFineObjectDetectorPreprocessor(converter),
    )
