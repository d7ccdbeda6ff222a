// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the backend when the model or the adapter's shape changes, and only then.
#include "ui/train/model_facts.h"

#include "ui/elided_label.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QTimer>
#include <QVBoxLayout>

#include <algorithm>
#include <charconv>

namespace ui {

using namespace engine;

namespace {

constexpr int kPauseMs = 250;

double bytesAWeight(const std::string& precision) {
    if (precision == "fp32") return 4;
    if (precision == "nf4") return 0.5 + 4.0 / 64; // a scale for every 64 weights
    return 2;
}

std::string question(const Experiment& experiment) {
    std::string all = experiment.model.path;
    for (const char* key : {"lora.r", "lora.bias", "lora.targets"}) all += '\n' + experimentField(key).get(experiment);
    return all;
}

} // namespace

double trainingBytes(const ModelFacts& facts, std::int64_t trainable, const Experiment& experiment, double tokensARow) {
    std::int64_t rows = experiment.train.batch_size;
    const std::string& micro = experiment.train.micro_batch_size;
    std::from_chars(micro.data(), micro.data() + micro.size(), rows);
    // A layer keeps about twenty vectors a token for the backward pass, in the compute type.
    const double tokens = double(rows) * std::min(tokensARow, double(experiment.train.max_tokens));
    const double kept = tokens * double(facts.layers) * double(facts.hidden_size) * 20 * (experiment.model.precision == "fp32" ? 4 : 2);
    constexpr double kProgram = 300e6; // libtorch, the window and the data
    return kProgram + double(facts.parameters) * bytesAWeight(experiment.model.precision) + double(trainable) * 16 + kept;
}

ModelFactsView::ModelFactsView(Backend& backend, Document& document, QWidget* parent) : QWidget(parent), m_backend(backend), m_document(document) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(2);
    m_table = new QWidget;
    auto* grid = new QGridLayout(m_table);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(kGrid);
    grid->setVerticalSpacing(3);
    grid->setColumnStretch(1, 1);
    const auto add = [&](const char* name, const QString& title, const QString& tip) {
        auto* label = new QLabel(title);
        label->setFixedWidth(17 * kGrid);
        label->setToolTip(tip);
        setRole(label, "small");
        auto* value = new ElidedLabel(QStringLiteral("–"));
        value->setObjectName(QLatin1String(name));
        value->setMinimumWidth(1);
        const int row = grid->rowCount();
        grid->addWidget(label, row, 0);
        grid->addWidget(value, row, 1);
        return value;
    };
    m_name = add("modelName", tr("Found"), tr("The model's name and file format."));
    m_parameters = add("modelParameters", tr("Parameters"), tr("All of the model's weights; they stay as they are."));
    m_trains = add("modelTrainable", tr("Trains"), tr("The adapter's weights, and their share of the model's."));
    m_memory = add("modelMemory", tr("Memory"), tr("Roughly: the program, the frozen weights, the adapter with its gradient and moments, and the activations of one micro batch."));
    column->addWidget(m_table);
    m_error = new QLabel;
    m_error->setObjectName(QStringLiteral("modelProblem"));
    m_error->setWordWrap(true);
    setRole(m_error, "error");
    m_error->hide();
    column->addWidget(m_error);

    m_pause = new QTimer(this);
    m_pause->setSingleShot(true);
    m_pause->setInterval(kPauseMs);
    connect(m_pause, &QTimer::timeout, this, &ModelFactsView::ask);
    connect(&document, &Document::experimentChanged, this, &ModelFactsView::refresh);
    connect(&document, &Document::dataChanged, this, &ModelFactsView::showFacts);
    connect(&backend, &Backend::modelFactsReady, this, [this](quint64 token, const ModelFacts& facts, qint64 trainable) {
        if (token != m_token) return;
        m_facts = facts;
        m_trainable = trainable;
        setProblem({});
        showFacts();
    });
    connect(&backend, &Backend::modelFactsFailed, this, [this](quint64 token, const QString& message) {
        if (token != m_token) return;
        m_facts.reset();
        setProblem(message);
        showFacts();
    });
    ask();
}

void ModelFactsView::ask() {
    m_asked = question(m_document.experiment());
    m_token = m_backend.inspectModel(fromText(m_document.experiment().model.path), m_document.experiment().lora);
}

void ModelFactsView::refresh() {
    if (question(m_document.experiment()) != m_asked) m_pause->start();
    showFacts(); // precision and batch change the memory at once
}

void ModelFactsView::showFacts() {
    const auto set = [](QLabel* label, const QString& text) { static_cast<ElidedLabel*>(label)->setFullText(text); };
    if (!m_facts) {
        for (QLabel* label : {m_name, m_parameters, m_trains, m_memory}) set(label, QStringLiteral("–"));
        return;
    }
    const Experiment& experiment = m_document.experiment();
    double tokens = 64;
    if (const auto& dataset = m_document.dataset(); dataset && !dataset->examples.empty()) { // about four letters a token
        double letters = 0;
        const std::size_t every = std::max<std::size_t>(1, dataset->examples.size() / 1000);
        std::size_t seen = 0;
        for (std::size_t i = 0; i < dataset->examples.size(); i += every, ++seen) letters += double(dataset->examples[i].text.size());
        tokens = (letters / double(seen) + double(experiment.prompt.text_template.size())) / 4;
    }
    // A GGUF's own name is often its training run's; its file's name is what people know.
    const bool byFile = m_facts->format.starts_with("GGUF") || m_facts->name.empty();
    set(m_name, byFile ? QFileInfo(fromPath(m_facts->path)).completeBaseName() : fromText(m_facts->name));
    m_name->setToolTip(QStringLiteral("<p>%1<br>%2 · %3 layers of %4 · %5 positions<br>%6</p>")
                           .arg(fromText(m_facts->name).toHtmlEscaped(), fromText(m_facts->format).toHtmlEscaped(), count(m_facts->layers), count(m_facts->hidden_size),
                                count(m_facts->max_positions), fromText(m_facts->path).toHtmlEscaped()));
    set(m_parameters, shortCount(m_facts->parameters));
    set(m_trains, m_facts->parameters > 0 ? tr("%1 (%2)").arg(shortCount(m_trainable), percent(double(m_trainable) / double(m_facts->parameters), 1)) : shortCount(m_trainable));
    const double bytes = trainingBytes(*m_facts, m_trainable, experiment, tokens);
    set(m_memory, tr("about %1").arg(byteSize(std::int64_t(bytes))));
}

void ModelFactsView::setProblem(const QString& text) {
    m_table->setVisible(text.isEmpty());
    m_error->setText(text);
    m_error->setVisible(!text.isEmpty());
    if (text == m_problem) return;
    m_problem = text;
    Q_EMIT problemChanged();
}

} // namespace ui
