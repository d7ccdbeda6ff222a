// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/classify.h"
#include "engine/architecture/row_bytes.h"
#include "engine/infer/find_answer.h"
#include "engine/infer/finite.h"
#include "engine/infer/label_trie.h"
#include "engine/infer/prefix_tree.h"
#include "engine/train/batch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace engine {

namespace {

/// Of one pass, so that long texts and large models need no more memory than others. More rows would be no faster.
constexpr std::int64_t kPassBytes = std::int64_t{384} << 20, kMostRows = 2048;
/// A token more of each of this many batches is read at once, where their keys and values are no larger than this.
constexpr std::int64_t kTogether = 2, kTogetherBytes = std::int64_t{256} << 20;

using Batch = std::vector<std::size_t>; // samples by number

void requireFinite(bool finite, const Sample& sample) {
    if (!finite) refuseNotFinite("for record " + std::to_string(sample.record));
}

/// Shared by both methods: questions in batches in which many begin alike. What all begin with is read once, in the first pass;
/// what some of a batch do, once in that batch.
class Classifier {
public:
    Classifier(const Decoder& decoder, const std::vector<Sample>& samples, const Answers& answers, std::int64_t size,
               std::int64_t generated)
        : m_decoder(decoder), m_samples(samples), m_answers(answers), m_size(std::max<std::int64_t>(1, size)),
          m_cache(decoder.config(), decoder.precision(), decoder.device()) {
        m_cache.setLongest(longest(samples, answers, generated));
        std::vector<std::span<const std::int32_t>> questions;
        for (const Sample& sample : samples) questions.push_back(sample.question());
        m_prefix = samples.size() > 1 ? commonPrefix(questions, 1) : 0;
        if (m_prefix > 0) m_prefixSegment = m_cache.addSegment(m_prefix);
    }
    virtual ~Classifier() = default;

    /// All samples in batches to run, questions that begin alike side by side.
    virtual std::vector<Batch> batches() const {
        Batch order(m_samples.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return std::ranges::lexicographical_compare(m_samples[a].question(), m_samples[b].question());
        });
        return passes(order);
    }
    /// Fills in these predictions and gives the sum of the true answers' log-probabilities.
    virtual double run(const Batch& batch, std::vector<Prediction>& predictions, std::stop_token stop) = 0;

protected:
    virtual std::int64_t rowsOfAnswer() const = 0;
    /// Of what one layer computes of a row.
    virtual std::int64_t bytesPerRow() const { return computedBytes(m_decoder.config(), m_decoder.precision()); }
    /// What all questions begin with, until it has been read.
    bool readsPrefix() const { return m_prefix > 0 && m_cache.chainLength(m_prefixSegment) == 0; }
    /// Parts of few enough rows for one pass.
    std::vector<Batch> passes(const Batch& order) const {
        const std::int64_t most = std::clamp<std::int64_t>(kPassBytes / bytesPerRow(), 32, kMostRows);
        std::vector<Batch> all;
        std::int64_t rows = readsPrefix() ? m_prefix : 0; // comes with the first
        for (std::size_t number : order) {
            const std::int64_t needed = m_samples[number].answerBegin - m_prefix + rowsOfAnswer();
            if (all.empty() || std::ssize(all.back()) >= m_size || rows + needed > most) {
                if (!all.empty()) rows = 0;
                all.emplace_back();
            }
            all.back().push_back(number);
            rows += needed;
        }
        return all;
    }
    /// Adds the questions to a pack, in the order of their beginnings, and gives the node that each ends with. With `stored`,
    /// that is where each node's keys and values are kept: a segment a node, by node of the pack.
    std::vector<int> addQuestions(Pack& pack, const Batch& batch, std::vector<int>* stored) {
        const auto prefix = static_cast<std::size_t>(m_prefix);
        std::vector<PrefixTree::Text> rests;
        for (std::size_t number : batch) rests.push_back(m_samples[number].question().subspan(prefix));
        const PrefixTree tree(rests);
        // What all begin with is in this pack, or has been in one.
        int root = -1;
        if (readsPrefix()) {
            root = pack.addCached(m_samples[batch.front()].question().first(prefix), m_prefixSegment, 0, true);
            if (stored) stored->push_back(m_prefixSegment);
        }
        std::vector<int> nodes;
        for (const PrefixTree::Node& node : tree.nodes) {
            const int parent = node.parent < 0 ? root : nodes[static_cast<std::size_t>(node.parent)];
            if (stored) {
                const int above = parent < 0 ? m_prefixSegment : (*stored)[static_cast<std::size_t>(parent)];
                stored->push_back(m_cache.addSegment(std::ssize(node.tokens), above));
                nodes.push_back(parent < 0 ? pack.addCached(node.tokens, stored->back(), m_prefix, true)
                                           : pack.addStored(node.tokens, parent, stored->back()));
            } else {
                nodes.push_back(parent < 0 && m_prefix > 0 ? pack.addCached(node.tokens, m_prefixSegment, m_prefix, false)
                                                           : pack.add(node.tokens, parent));
            }
        }
        std::vector<int> ends;
        for (const int end : tree.ends) ends.push_back(nodes[static_cast<std::size_t>(end)]);
        return ends;
    }

    /// Tokens of the longest text, questions with what may follow them.
    static std::int64_t longest(const std::vector<Sample>& samples, const Answers& answers, std::int64_t generated) {
        std::int64_t question = 0, answer = generated;
        for (const Sample& sample : samples) question = std::max(question, sample.answerBegin);
        for (const auto& ids : answers.ids) answer = std::max(answer, std::ssize(ids));
        return question + answer;
    }

    const Decoder& m_decoder;
    const std::vector<Sample>& m_samples;
    const Answers& m_answers;
    const std::int64_t m_size; // samples of a pass
    KvCache m_cache;
    std::int64_t m_prefix = 0;
    int m_prefixSegment = -1;
};

/// One pass a batch: the questions, and after each what the labels' spellings need beyond it.
class Scorer : public Classifier {
public:
    Scorer(const Decoder& decoder, const std::vector<Sample>& samples, const Answers& answers, std::int64_t size)
        : Classifier(decoder, samples, answers, size, 0), m_trie(answers.ids) {}

    double run(const Batch& batch, std::vector<Prediction>& predictions, std::stop_token) override {
        Pack pack;
        std::vector<Target> targets;
        for (const int node : addQuestions(pack, batch, nullptr)) m_trie.add(pack, node, targets);
        const std::vector<float> edges = m_decoder.logProbabilities(pack, targets, m_prefix > 0 ? &m_cache : nullptr);
        double truths = 0;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            // The whole spelling's probability decides: its tokens' are multiplied, not averaged, for a long label is no likelier
            // than the text that it is.
            std::vector<double> p = m_trie.logProbabilities(edges.data() + i * m_trie.edges());
            requireFinite(std::ranges::all_of(p, [](double value) { return std::isfinite(value); }), m_samples[batch[i]]);
            Prediction& prediction = predictions[batch[i]];
            truths += p[static_cast<std::size_t>(prediction.truth)];
            const auto best = std::max_element(p.begin(), p.end());
            prediction.guess = static_cast<int>(best - p.begin());
            const double top = *best;
            double total = 0;
            for (double& value : p) total += value = std::exp(value - top);
            for (double& value : p) value /= total;
            prediction.probabilities = std::move(p);
        }
        return truths;
    }

protected:
    std::int64_t rowsOfAnswer() const override { return m_trie.rows(); }

private:
    LabelTrie m_trie;
};

/// Greedy continuation of a whole batch, a token of each a pass.
class Generator : public Classifier {
public:
    Generator(const Decoder& decoder, const Tokenizer& tokenizer, const std::vector<Sample>& samples, const Answers& answers,
              const EvaluateSpec& spec)
        : Classifier(decoder, samples, answers, spec.batch_size, spec.max_new_tokens), m_tokenizer(tokenizer),
          m_most(std::max<std::int64_t>(1, spec.max_new_tokens)) {
        if (spec.unanswered == "separate") return;
        const auto label = std::find(answers.labels.begin(), answers.labels.end(), spec.unanswered);
        if (label == answers.labels.end())
            throw Error(ErrorCode::BadInput, "evaluate.unanswered \"" + spec.unanswered + "\" is no label.",
                        "Use separate, or one of the labels.");
        m_unanswered = static_cast<int>(label - answers.labels.begin());
    }

    std::vector<Batch> batches() const override {
        const std::int64_t most = kTogetherBytes / cachedBytes(m_decoder.config(), m_decoder.precision());
        std::vector<Batch> all;
        std::int64_t together = 0, tokens = 0;
        for (const Batch& batch : Classifier::batches()) {
            const std::int64_t more = cachedTokens(batch);
            if (all.empty() || together == kTogether || tokens + more > most) {
                all.emplace_back();
                together = tokens = 0;
            }
            all.back().insert(all.back().end(), batch.begin(), batch.end());
            ++together;
            tokens += more;
        }
        return all;
    }

    double run(const Batch& batch, std::vector<Prediction>& predictions, std::stop_token stop) override {
        const int first = m_cache.addSegment(0, m_prefixSegment); // where this batch's segments begin
        m_cache.reserve(cachedTokens(batch));
        std::vector<int> segments;
        std::vector<std::int32_t> next;
        double truths = 0;
        for (const Batch& pass : passes(batch)) {
            if (stop.stop_requested()) throw StopRequested{};
            truths += readQuestions(pass, segments, next);
        }
        std::vector<std::vector<std::int32_t>> texts(batch.size());
        std::vector<std::size_t> going(batch.size());
        std::iota(going.begin(), going.end(), std::size_t{0});
        for (std::int64_t made = 1;; ++made) {
            std::vector<std::size_t> still;
            for (std::size_t n = 0; n < going.size(); ++n) {
                if (next[n] == m_decoder.config().eos || next[n] == m_tokenizer.eos()) continue;
                texts[going[n]].push_back(next[n]);
                still.push_back(going[n]);
            }
            going = std::move(still);
            if (made == m_most || going.empty()) break;
            if (stop.stop_requested()) throw StopRequested{};
            Pack pack;
            std::vector<std::int64_t> rows;
            for (std::size_t i : going)
                rows.push_back(pack.lastRow(
                    pack.addCached(std::span(&texts[i].back(), 1), segments[i], m_cache.chainLength(segments[i]), true)));
            next = m_decoder.predict(pack, {}, rows, &m_cache).likeliest;
            for (std::size_t n = 0; n < going.size(); ++n) requireFinite(next[n] >= 0, m_samples[batch[going[n]]]);
        }
        m_cache.release(first);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            Prediction& prediction = predictions[batch[i]];
            prediction.rawText = m_tokenizer.decode(texts[i], true);
            prediction.guess = findAnswer(prediction.rawText, m_answers.spellings);
            if (!prediction.guess) prediction.guess = m_unanswered;
        }
        return truths;
    }

protected:
    std::int64_t rowsOfAnswer() const override {
        std::size_t longest = 0;
        for (const auto& ids : m_answers.ids) longest = std::max(longest, ids.size());
        return static_cast<std::int64_t>(longest);
    }
    std::int64_t bytesPerRow() const override {
        return Classifier::bytesPerRow() + cachedBytes(m_decoder.config(), m_decoder.precision());
    }

private:
    /// The most that its questions and what follows them hold in the cache.
    std::int64_t cachedTokens(const Batch& batch) const {
        std::int64_t tokens = 0;
        for (std::size_t number : batch) tokens += m_samples[number].answerBegin - m_prefix + m_most - 1;
        return tokens;
    }
    /// Caches the questions; adds to `segments` where each goes on and to `next` the likeliest token after it. Gives the sum of
    /// the true answers' log-probabilities.
    double readQuestions(const Batch& batch, std::vector<int>& segments, std::vector<std::int32_t>& next) {
        Pack pack;
        std::vector<Target> targets;
        std::vector<std::int64_t> rows;
        std::vector<int> stored;
        const std::vector<int> nodes = addQuestions(pack, batch, &stored);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            segments.push_back(m_cache.addSegment(m_most - 1, stored[static_cast<std::size_t>(nodes[i])]));
            const auto& answer = m_answers.ids[static_cast<std::size_t>(m_samples[batch[i]].label)];
            rows.push_back(pack.lastRow(nodes[i]));
            targets.push_back({rows.back(), answer.front(), 1});
            if (answer.size() == 1) continue;
            const int tail = pack.add(std::span(answer).first(answer.size() - 1), nodes[i]);
            for (std::size_t at = 1; at < answer.size(); ++at)
                targets.push_back(
                    {pack.nodes[static_cast<std::size_t>(tail)].begin + static_cast<std::int64_t>(at) - 1, answer[at], 1});
        }
        Predicted predicted = m_decoder.predict(pack, targets, rows, &m_cache);
        next.insert(next.end(), predicted.likeliest.begin(), predicted.likeliest.end());
        double sum = 0;
        auto p = predicted.logProbabilities.begin();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            double truth = 0;
            for (std::size_t left = m_answers.ids[static_cast<std::size_t>(m_samples[batch[i]].label)].size(); left > 0; --left)
                truth += static_cast<double>(*p++);
            requireFinite(std::isfinite(truth) && predicted.likeliest[i] >= 0, m_samples[batch[i]]);
            sum += truth;
        }
        return sum;
    }

    const Tokenizer& m_tokenizer;
    std::int64_t m_most = 1;
    std::optional<int> m_unanswered;
};

/// How far it is, told at most ten times a second.
class Watch {
public:
    Watch(std::optional<Stage> stage, const Sink& sink, const Answers& answers, std::int64_t total)
        : m_stage(stage), m_sink(sink), m_total(total), m_begin(Clock::now()), m_told(m_begin - std::chrono::seconds(1)) {
        m_matrix.labels = answers.labels;
        m_matrix.counts.assign(answers.labels.size(), std::vector<std::int64_t>(answers.labels.size() + 1));
    }
    void count(const Prediction& prediction) {
        const std::size_t column = prediction.guess ? static_cast<std::size_t>(*prediction.guess) : m_matrix.labels.size();
        ++m_matrix.counts[static_cast<std::size_t>(prediction.truth)][column];
        ++m_done;
    }
    void tell() {
        const auto now = Clock::now();
        if (!m_stage || !m_sink || (m_done < m_total && now - m_told < std::chrono::milliseconds(100))) return;
        m_told = now;
        const double seconds = std::chrono::duration<double>(now - m_begin).count();
        const double rate = seconds > 0 ? static_cast<double>(m_done) / seconds : 0;
        m_sink(ProgressEvent{0, *m_stage, m_done, m_total, rate, rate > 0 ? static_cast<double>(m_total - m_done) / rate : -1});
        m_sink(MatrixEvent{0, m_matrix, m_done, m_total});
    }

private:
    using Clock = std::chrono::steady_clock;
    std::optional<Stage> m_stage;
    const Sink& m_sink;
    std::int64_t m_done = 0, m_total = 0;
    Clock::time_point m_begin, m_told;
    ConfusionMatrix m_matrix;
};

} // namespace

Classified classify(const Decoder& decoder, const Tokenizer& tokenizer, const std::vector<Sample>& samples,
                    const Answers& answers, const EvaluateSpec& spec, std::optional<Stage> stage, const Sink& sink,
                    std::stop_token stop) {
    Classified result;
    if (samples.empty()) return result;
    std::int64_t tokens = 0;
    for (const Sample& sample : samples) {
        result.predictions.push_back({sample.record, sample.label, std::nullopt, {}, {}});
        tokens += static_cast<std::int64_t>(answers.ids[static_cast<std::size_t>(sample.label)].size());
    }
    if (stop.stop_requested()) throw StopRequested{};
    Watch watch(stage, sink, answers, static_cast<std::int64_t>(samples.size()));
    watch.tell();
    std::unique_ptr<Classifier> classifier;
    switch (spec.method) {
    case EvaluationMethod::Score: classifier = std::make_unique<Scorer>(decoder, samples, answers, spec.batch_size); break;
    case EvaluationMethod::Generate: classifier = std::make_unique<Generator>(decoder, tokenizer, samples, answers, spec); break;
    }
    double truths = 0;
    for (const auto& batch : classifier->batches()) {
        if (stop.stop_requested()) throw StopRequested{};
        truths += classifier->run(batch, result.predictions, stop);
        for (std::size_t number : batch) watch.count(result.predictions[number]);
        watch.tell();
    }
    result.loss = -truths / static_cast<double>(tokens);
    return result;
}

} // namespace engine
