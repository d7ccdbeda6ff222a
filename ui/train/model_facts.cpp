// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the backend when the model or the adapter's shape changes, and only then.
#include "ui/train/model_facts.h"

#include "engine/footprint.h"
#include "engine/memory.h"
#include "ui/elided_label.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/theme.h"
#include "ui/train/memory_bar.h"

#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QTimer>
#include <QVBoxLayout>

namespace ui {

using namespace engine;

namespace {

constexpr int kPauseMs = 250;

std::string question(const Experiment& experiment) {
    std::string all = experiment.model.path;
    for (const char* key : {"lora.r", "lora.bias", "lora.targets"}) all += '\n' + experimentField(key).get(experiment);
    return all;
}

} // namespace

ModelFactsView::ModelFactsView(Backend& backend, Document& document, QWidget* parent)
    : QWidget(parent), m_backend(backend), m_document(document) {
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
    m_precision = add("modelPrecision", tr("Precision"), tr("How the weights are held, and what products are computed in."));
    m_parameters = add("modelParameters", tr("Parameters"), tr("All of the model's weights; they stay as they are."));
    m_trains = add("modelTrainable", tr("Trains"), tr("The adapter's weights, and their share of the model's."));
    m_memory =
        add("modelMemory", tr("Memory"), tr("The most that training is expected to hold at once, as far as the texts tell."));
    m_parts = new MemoryBar;
    m_parts->setObjectName(QStringLiteral("memoryParts"));
    grid->addWidget(m_parts, grid->rowCount(), 0, 1, 2);
    m_tight = new QLabel;
    m_tight->setObjectName(QStringLiteral("memoryTight"));
    m_tight->setWordWrap(true);
    setRole(m_tight, "warning");
    m_tight->hide();
    grid->addWidget(m_tight, grid->rowCount(), 0, 1, 2);
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
        for (QLabel* label : {m_name, m_precision, m_parameters, m_trains, m_memory}) set(label, QStringLiteral("–"));
        m_parts->hide();
        m_tight->hide();
        return;
    }
    // A GGUF's own name is often its training run's; its file's name is what people know.
    const bool byFile = m_facts->format.starts_with("GGUF") || m_facts->name.empty();
    set(m_name, byFile ? QFileInfo(fromPath(m_facts->path)).completeBaseName() : fromText(m_facts->name));
    m_name->setToolTip(QStringLiteral("<p>%1<br>%2 · %3 layers of %4 · %5 positions<br>%6</p>")
                           .arg(fromText(m_facts->name).toHtmlEscaped(), fromText(m_facts->format).toHtmlEscaped(),
                                count(m_facts->config.layers), count(m_facts->config.hidden_size),
                                count(m_facts->config.max_positions), fromText(m_facts->path).toHtmlEscaped()));
    set(m_parameters, shortCount(m_facts->parameters));
    set(m_trains, m_facts->parameters > 0
                      ? tr("%1 (%2)").arg(shortCount(m_trainable), percent(double(m_trainable) / double(m_facts->parameters), 1))
                      : shortCount(m_trainable));
    showMemory();
}

void ModelFactsView::showMemory() {
    const Experiment& experiment = m_document.experiment();
    const auto& dataset = m_document.dataset();
    Footprint f;
    try {
        f = footprint(m_facts->config, m_trainable, experiment,
                      guessLengths(dataset ? dataset->examples : std::vector<Example>(), experiment.prompt));
    } catch (const Error&) { // settings that contradict one another: the form says so
        for (QLabel* label : {m_precision, m_memory}) static_cast<ElidedLabel*>(label)->setFullText(QStringLiteral("–"));
        m_parts->hide();
        m_tight->hide();
        return;
    }
    static_cast<ElidedLabel*>(m_precision)->setFullText(fromText(f.precision));
    static_cast<ElidedLabel*>(m_memory)->setFullText(tr("about %1").arg(byteSize(f.peak())));
    m_parts->setParts({{tr("Weights"), f.layers + f.rest,
                        tr("Frozen. Layers %1%2, embedding and head %3.")
                            .arg(byteSize(f.layers), f.twice ? tr(" (laid out for the product and for its gradient)") : QString(),
                                 byteSize(f.rest))},
                       {tr("Adapter"), f.adapter + f.optimizer,
                        tr("The adapter's values %1, their gradients and AdamW's two moments %2.")
                            .arg(byteSize(f.adapter), byteSize(f.optimizer))},
                       {tr("Activations"), f.activations,
                        tr("What the way back needs of the largest batch, about %1 tokens.").arg(count(f.rows))},
                       {tr("Program"), f.program, tr("The program, its libraries and their buffers.")}});
    m_parts->show();
    const std::int64_t machine = machineBytes();
    m_tight->setText(
        tr("That is more than this machine's %1. NF4 precision or a smaller batch takes less.").arg(byteSize(machine)));
    m_tight->setVisible(machine > 0 && f.peak() > machine);
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
