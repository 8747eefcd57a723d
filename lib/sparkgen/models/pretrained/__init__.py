"""Networks that others trained. They stand as parts of other models, and learn nothing here.

Into those that were trained on ImageNet come pictures (B, H, W, 1 or 3) of any height and width, in
[0, 1]. Out come the activations of their layers, and of those that classify, features (B, F) and logits
(B, 1000).

    efficientnet_lite0.py   EfficientNet-Lite0, whose weights are a package of Python's
    keras_application.py    any network of keras.applications, whose weights are a file
    distilbert.py           finds answers in texts; its weights are a folder of Hugging Face's
    _hugging_face.py        makes this and `language.transformer` of such folders
    _safetensors.py         reads their tensors
    _base.py                what they share
    _torch_file.py          reads the tensors of a file that PyTorch wrote

Read `_base.py` first. A network whose weights are a package has `PACKAGE` in its file, and `weights_of`,
which makes its weights of the package's file; `package:` and the file's name, with dashes, name it as a
part. `sparkgen.pipeline.networks` finds the packages and files, `sparkgen.pipeline.hugging_face` the
folders.
"""
