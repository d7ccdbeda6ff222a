// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// A GGUF model computed from its blocks against the same numbers in a folder of float weights.
#include "engine/kernels/blocks.h"
#include "engine/model/decoder.h"
#include "engine/weights/safetensors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

template <class T> std::string raw(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text(const std::string& value) {
    return raw<std::uint64_t>(value.size()) + value;
}
std::string number(const std::string& key, std::uint32_t value) {
    return text(key) + raw<std::uint32_t>(4) + raw(value);
}
std::string real(const std::string& key, float value) {
    return text(key) + raw<std::uint32_t>(6) + raw(value);
}

std::uint16_t half(float value) { // of normal numbers, cut off
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (value == 0) return 0;
    return static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | (((bits >> 23 & 0xFFu) - 112u) << 10) | (bits >> 13 & 0x3FFu));
}

/// Rows of 32 as blocks: 8 signed bits, or 4 bits over a minimum.
std::string asBlocks(const std::vector<float>& values, bool eightBits) {
    std::string out;
    for (std::size_t b = 0; b < values.size(); b += 32) {
        const auto [least, most] = std::minmax_element(values.begin() + static_cast<std::ptrdiff_t>(b),
                                                       values.begin() + static_cast<std::ptrdiff_t>(b + 32));
        const float scale = eightBits ? std::max(std::abs(*least), std::abs(*most)) / 120 : (*most - *least) / 15;
        out += raw(half(scale));
        if (eightBits) {
            for (std::size_t i = 0; i < 32; ++i) out += static_cast<char>(std::lround(values[b + i] / scale));
            continue;
        }
        out += raw(half(*least));
        const auto code = [&, low = *least](std::size_t i) {
            return std::min(15L, std::max(0L, std::lround((values[b + i] - low) / scale)));
        };
        for (std::size_t i = 0; i < 16; ++i) out += static_cast<char>(code(i) | code(i + 16) << 4);
    }
    return out;
}

const std::map<std::string, std::string> kNames{{"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"},
                                                {"input_layernorm", "attn_norm"},     {"post_attention_layernorm", "ffn_norm"},
                                                {"self_attn.q_proj", "attn_q"},       {"self_attn.k_proj", "attn_k"},
                                                {"self_attn.v_proj", "attn_v"},       {"self_attn.o_proj", "attn_output"},
                                                {"mlp.gate_proj", "ffn_gate"},        {"mlp.up_proj", "ffn_up"},
                                                {"mlp.down_proj", "ffn_down"}};

std::string ggufName(std::string name) {
    std::string block;
    if (name.starts_with("model.layers.")) {
        block = "blk." + name.substr(13, 1) + ".";
        name = name.substr(15);
    }
    return block + kNames.at(name.substr(0, name.rfind('.'))) + ".weight";
}

/// Rows as llama.cpp lays out Q and K: pairs of a head's halves beside each other.
std::vector<float> interleaved(const std::vector<float>& values, std::int64_t width, std::int64_t headDim) {
    std::vector<float> out(values.size());
    const auto rows = static_cast<std::int64_t>(values.size()) / width;
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t head = row / headDim, place = row % headDim,
                           to = head * headDim + place % (headDim / 2) * 2 + place / (headDim / 2);
        std::copy_n(values.begin() + row * width, width, out.begin() + to * width);
    }
    return out;
}

struct Models {
    fs::path gguf, folder;
};

/// The same model twice: quantised, and what the quantised numbers stand for. Matrices whose names hold `dense` stay float.
Models write(const fs::path& dir, const std::string& dense = "-") {
    TinyModelOptions options;
    options.layers = 2;
    Models models{dir / "m.gguf", writeTinyModel(dir / "folder", options)};
    std::string records, data;
    std::vector<std::vector<float>> values;
    std::vector<TensorView> views;
    const std::vector<TinyTensor> tensors = tinyTensors(options);
    for (const TinyTensor& tensor : tensors) {
        const bool turned = tensor.name.find("q_proj") != std::string::npos || tensor.name.find("k_proj") != std::string::npos;
        const bool quantised = tensor.shape.size() == 2 && tensor.name.find(dense) == std::string::npos;
        const std::int64_t width = tensor.shape.back(), headDim = options.hidden / options.heads;
        records += text(ggufName(tensor.name)) + raw(static_cast<std::uint32_t>(tensor.shape.size()));
        for (std::size_t i = tensor.shape.size(); i-- > 0;) records += raw(tensor.shape[i]);
        const bool eight = tensor.name.find("embed") != std::string::npos || tensor.name.find("v_proj") != std::string::npos;
        records += raw<std::uint32_t>(!quantised ? 0 : eight ? 8 : 3) + raw<std::uint64_t>(data.size());
        std::vector<float> meant = tensor.values;
        const auto bytes = [&](const std::vector<float>& v) {
            return quantised ? asBlocks(v, eight) : std::string(reinterpret_cast<const char*>(v.data()), 4 * v.size());
        };
        data += bytes(turned ? interleaved(tensor.values, width, headDim) : tensor.values);
        data.resize((data.size() + 31) / 32 * 32);
        if (quantised) { // a row's blocks do not depend on where it lies
            const std::string blocks = bytes(tensor.values);
            TensorView view{tensor.name, eight ? DType::Q8_0 : DType::Q4_1, tensor.shape, std::as_bytes(std::span(blocks))};
            toFloat(view, meant.data());
        }
        values.push_back(std::move(meant));
        views.push_back({tensor.name, DType::F32, tensor.shape, std::as_bytes(std::span(values.back()))});
    }
    writeSafetensors(models.folder / "model.safetensors", views, {{"format", "pt"}});
    const auto u32 = [](std::int64_t n) { return static_cast<std::uint32_t>(n); };
    const std::string keys =
        text("general.architecture") + raw<std::uint32_t>(8) + text("llama") +
        number("llama.embedding_length", u32(options.hidden)) + number("llama.block_count", u32(options.layers)) +
        number("llama.attention.head_count", u32(options.heads)) + number("llama.attention.head_count_kv", u32(options.kvHeads)) +
        number("llama.feed_forward_length", u32(options.intermediate)) +
        number("llama.context_length", u32(options.maxPositions)) + real("llama.attention.layer_norm_rms_epsilon", 1e-5f) +
        real("llama.rope.freq_base", static_cast<float>(options.ropeTheta));
    std::string file =
        "GGUF" + raw<std::uint32_t>(3) + raw(static_cast<std::int64_t>(tensors.size())) + raw<std::int64_t>(9) + keys + records;
    file.resize((file.size() + 31) / 32 * 32);
    put(models.gguf, file + data);
    return models;
}

std::vector<std::int32_t> tokens(int count) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((i * i * 11 + i * 5 + 3) % 250);
    return ids;
}
at::Tensor logitsOf(const Decoder& decoder, const std::vector<std::int32_t>& ids) {
    Pack pack;
    pack.add(ids);
    std::vector<std::int64_t> rows(ids.size());
    std::iota(rows.begin(), rows.end(), 0);
    return decoder.logits(pack, rows);
}
double worst(const at::Tensor& a, const at::Tensor& b) {
    return at::max(at::abs(a - b)).item<double>();
}

} // namespace

class TestGgufModel : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    fs::path dir(const char* name) const {
        const fs::path path = fs::path(m_dir.path().toStdString()) / name;
        fs::create_directories(path);
        return path;
    }

private Q_SLOTS:
    void computesFromBlocks_data() {
        QTest::addColumn<QByteArray>("dense");
        QTest::newRow("all in blocks") << QByteArray("-");
        QTest::newRow("some in float") << QByteArray("k_proj");
        QTest::newRow("embedding and head in float") << QByteArray("embed");
    }
    void computesFromBlocks() {
        QFETCH(QByteArray, dense);
        const Models models = write(dir(QTest::currentDataTag()), dense.toStdString());
        const Decoder plain = Decoder::load(models.folder, Precision::Fp32);
        Decoder blocks = Decoder::load(models.gguf, Precision::Fp32);
        QVERIFY(blocks.byteCount() < plain.byteCount());
        for (const int count : {1, 3, 9, 40}) { // streamed, in fours, expanded
            const at::Tensor expected = logitsOf(plain, tokens(count));
            QVERIFY(worst(logitsOf(blocks, tokens(count)), expected) < 2e-5);
        }
        Pack pack;
        pack.add(tokens(12));
        const std::vector<Target> targets{{3, 7}, {3, 9}, {11, 200}};
        const auto expected = plain.logProbabilities(pack, targets), found = blocks.logProbabilities(pack, targets);
        for (std::size_t i = 0; i < targets.size(); ++i) QVERIFY(std::abs(expected[i] - found[i]) < 2e-5f);
        QVERIFY(std::abs(plain.loss(pack, targets) - blocks.loss(pack, targets)) < 5e-5);

        blocks.packForBatches(true);
        for (const int count : {1, 40}) QVERIFY(worst(logitsOf(blocks, tokens(count)), logitsOf(plain, tokens(count))) < 2e-5);
    }

    void bfloat16IsNoFurtherOff() {
        const Models models = write(dir("bf16"));
        const Decoder exact = Decoder::load(models.folder, Precision::Fp32),
                      dense = Decoder::load(models.folder, Precision::Bf16);
        const Decoder blocks = Decoder::load(models.gguf, Precision::Bf16);
        for (const int count : {1, 40}) {
            const at::Tensor expected = logitsOf(exact, tokens(count));
            const double rounded = worst(logitsOf(dense, tokens(count)), expected);
            QVERIFY(rounded > 0);
            QVERIFY(worst(logitsOf(blocks, tokens(count)), expected) < 1.5 * rounded);
        }
    }

    void trainsFromBlocks() {
        const Models models = write(dir("train"));
        Decoder plain = Decoder::load(models.folder, Precision::Fp32), blocks = Decoder::load(models.gguf, Precision::Fp32);
        LoraSpec spec;
        spec.r = 4;
        spec.alpha = 8;
        spec.dropout = 0;
        std::vector<at::Tensor> gradients;
        for (Decoder* decoder : {&plain, &blocks}) {
            const auto lora = std::make_shared<Lora>(decoder->config(), spec, 5);
            decoder->setAdapter(lora, true);
            Pack pack;
            pack.add(tokens(30));
            decoder->lossAndGradients(pack, {{20, 7}, {29, 9}}, {});
            gradients.push_back(lora->gradients().clone());
        }
        QVERIFY(at::max(at::abs(gradients[0])).item<double>() > 1e-3);
        QVERIFY(worst(gradients[0], gradients[1]) < 2e-5);
    }

    void refusesWhatIsNoNumber() {
        const Models models = write(dir("nan"));
        std::string bytes = bytesOf(models.gguf);
        // The last tensor but the norm is the last layer's ffn_down: its last block's scale.
        const std::size_t norm = static_cast<std::size_t>(64 * 4), at = bytes.size() - norm - 20;
        bytes[at + 1] = '\x7C';
        put(models.gguf, bytes);
        try {
            Decoder::load(models.gguf, Precision::Fp32);
            QFAIL("loaded");
        } catch (const Error& error) {
            QVERIFY2(std::string(error.what()).find("blk.1.ffn_down.weight holds a NaN or infinite value at [63, 64]") !=
                         std::string::npos,
                     error.what());
        }
    }
};

QTEST_APPLESS_MAIN(TestGgufModel)
#include "tst_gguf_model.moc"
