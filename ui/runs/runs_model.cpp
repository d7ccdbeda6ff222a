// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/runs/runs_model.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/measure_text.h"
#include "ui/plots/swatch.h"
#include "ui/run_words.h"
#include "ui/theme/theme.h"

#include <algorithm>

namespace ui {
namespace {

constexpr std::size_t kManyChanges = 200; // more than this at once: start afresh

const char* settingOf(int column) {
    switch (column) {
    case RunsModel::Rank: return "lora.r";
    case RunsModel::Alpha: return "lora.alpha";
    case RunsModel::Dropout: return "lora.dropout";
    case RunsModel::LearningRate: return "train.learning_rate";
    case RunsModel::Epochs: return "train.epochs";
    case RunsModel::BatchSize: return "train.batch_size";
    case RunsModel::Precision: return "model.precision";
    case RunsModel::Model: return "model.path";
    default: return nullptr;
    }
}

/// A baseline was not trained, whatever its experiment says.
bool saysNothing(const engine::RunSummary& run, int column) {
    return run.kind == engine::RunKind::Baseline && settingOf(column) && column != RunsModel::Precision &&
           column != RunsModel::Model;
}

bool isNumeric(int column) {
    switch (column) {
    case RunsModel::Name:
    case RunsModel::State:
    case RunsModel::Kind:
    case RunsModel::Tags:
    case RunsModel::Precision:
    case RunsModel::Model:
    case RunsModel::Started: return false;
    default: return true;
    }
}

bool same(const engine::RunSummary& a, const engine::RunSummary& b) {
    return a.id == b.id && a.name == b.name && a.state == b.state && a.finished == b.finished && a.measured == b.measured &&
           a.step == b.step && a.steps == b.steps && a.tags == b.tags && a.note == b.note && a.exitReason == b.exitReason &&
           a.started == b.started;
}

} // namespace

void RunsModel::setRuns(std::vector<engine::RunSummary> runs) {
    const auto newer = [](const engine::RunSummary& a, const engine::RunSummary& b) { return a.id > b.id; };
    if (!std::is_sorted(runs.begin(), runs.end(), newer)) std::sort(runs.begin(), runs.end(), newer);
    std::size_t common = 0;
    for (std::size_t i = 0, j = 0; i < m_runs.size() && j < runs.size();) {
        if (m_runs[i].id == runs[j].id)
            ++common, ++i, ++j;
        else
            m_runs[i].id > runs[j].id ? ++i : ++j;
    }
    if (m_runs.size() + runs.size() - 2 * common > kManyChanges) {
        beginResetModel();
        m_runs = std::move(runs);
        endResetModel();
        return;
    }
    for (std::size_t i = m_runs.size(); i-- > 0;) {
        if (std::binary_search(runs.begin(), runs.end(), m_runs[i], newer)) continue;
        beginRemoveRows({}, int(i), int(i));
        m_runs.erase(m_runs.begin() + std::ptrdiff_t(i));
        endRemoveRows();
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (i >= m_runs.size() || m_runs[i].id != runs[i].id) {
            beginInsertRows({}, int(i), int(i));
            m_runs.insert(m_runs.begin() + std::ptrdiff_t(i), std::move(runs[i]));
            endInsertRows();
        } else if (!same(m_runs[i], runs[i])) {
            m_runs[i] = std::move(runs[i]);
            Q_EMIT dataChanged(index(int(i), 0), index(int(i), columns() - 1));
        }
    }
}

void RunsModel::patch(engine::RunId run, const std::function<void(engine::RunSummary&)>& change) {
    const auto found = std::find_if(m_runs.begin(), m_runs.end(), [&](const engine::RunSummary& one) { return one.id == run; });
    if (found == m_runs.end()) return;
    change(*found);
    const int row = int(found - m_runs.begin());
    Q_EMIT dataChanged(index(row, 0), index(row, columns() - 1));
}

const engine::RunSummary* RunsModel::find(engine::RunId run) const {
    const auto found = std::find_if(m_runs.begin(), m_runs.end(), [&](const engine::RunSummary& one) { return one.id == run; });
    return found == m_runs.end() ? nullptr : &*found;
}

const engine::Measure* RunsModel::measureOf(int column) {
    return column >= FirstMeasure ? &engine::measures()[std::size_t(column - FirstMeasure)] : nullptr;
}

bool RunsModel::isUsual(int column) {
    const engine::Measure* measure = measureOf(column);
    return measure ? measure->brief : column < BatchSize;
}

QStringList RunsModel::columnNames() {
    QStringList names{QStringLiteral("run"),     QStringLiteral("name"),      QStringLiteral("state"), QStringLiteral("r"),
                      QStringLiteral("alpha"),   QStringLiteral("dropout"),   QStringLiteral("lr"),    QStringLiteral("epochs"),
                      QStringLiteral("started"), QStringLiteral("duration"),  QStringLiteral("kind"),  QStringLiteral("tags"),
                      QStringLiteral("batch"),   QStringLiteral("precision"), QStringLiteral("model")};
    for (const engine::Measure& measure : engine::measures()) names << fromText(measure.key);
    return names;
}

QString RunsModel::text(const engine::RunSummary& run, int column) const {
    if (const char* key = settingOf(column)) {
        const QString value = runSetting(run, key);
        return value.isEmpty() || saysNothing(run, column) ? QStringLiteral("–") : value;
    }
    if (const engine::Measure* measure = measureOf(column)) {
        const auto value = run.measured.of(*measure);
        return value ? written(measure->unit, *value) : QStringLiteral("–");
    }
    switch (column) {
    case Number: return QString::number(run.id);
    case Name: return fromText(run.name);
    case Kind: return kindWord(run.kind);
    case State:
        return run.state == engine::RunState::Running && run.steps > 0
                   ? tr("Running %1").arg(percent(double(run.step) / double(run.steps), 0))
                   : stateWord(run.state);
    case Started: return moment(run.started);
    case Duration: return duration(runDuration(run));
    case Tags: {
        QStringList tags;
        for (const std::string& tag : run.tags) tags << fromText(tag);
        return tags.join(QStringLiteral(", "));
    }
    default: return {};
    }
}

QVariant RunsModel::sortValue(const engine::RunSummary& run, int column) const {
    if (const char* key = settingOf(column)) {
        const QString value = runSetting(run, key);
        if (value.isEmpty() || saysNothing(run, column)) return {};
        bool fine = false;
        const double number = value.toDouble(&fine);
        return fine ? QVariant(number) : QVariant(value.toLower());
    }
    if (const engine::Measure* measure = measureOf(column)) {
        const auto value = run.measured.of(*measure);
        return value ? QVariant(*value) : QVariant();
    }
    switch (column) {
    case Number: return double(run.id);
    case State: return double(int(run.state));
    case Kind: return double(int(run.kind));
    case Started: return run.started > 0 ? QVariant(run.started) : QVariant();
    case Duration: return runDuration(run) >= 0 ? QVariant(runDuration(run)) : QVariant();
    default: {
        const QString words = text(run, column).toLower();
        return words.isEmpty() ? QVariant() : QVariant(words);
    }
    }
}

QVariant RunsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const engine::RunSummary& run = m_runs[std::size_t(index.row())];
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole: return text(run, column);
    case Qt::EditRole: return column == Name ? QVariant(fromText(run.name)) : QVariant();
    case kSortRole: return sortValue(run, column);
    case kRunRole: return qint64(run.id);
    case Qt::TextAlignmentRole:
        return int((isNumeric(column) && column != Number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::DecorationRole:
        if (column == Number) return swatchIcon(run.id);
        if (column == State) return stateIcon(run.state);
        return {};
    case Qt::ForegroundRole: {
        if (column == Name || column == State) return {};
        const engine::Measure* measure = measureOf(column);
        return measure && measure->brief && text(run, column) != QStringLiteral("–")
                   ? QVariant()
                   : QVariant(Theme::instance().color(Token::Muted));
    }
    case Qt::ToolTipRole:
        if (column == Name) return fromText(run.name);
        if (column == State && !run.exitReason.empty()) return fromText(run.exitReason);
        if (column == Model || column == Tags) return text(run, column);
        return {};
    default: return {};
    }
}

QVariant RunsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return int((isNumeric(section) && section != Number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    const engine::Measure* measure = measureOf(section);
    if (role == Qt::ToolTipRole && measure) return fromText(measure->help);
    if (role == Qt::ToolTipRole && settingOf(section)) return QString::fromLatin1(settingOf(section));
    if (role != Qt::DisplayRole) return {};
    if (measure) return titleOf(*measure);
    const QString names[]{tr("Run"),     tr("Name"),          tr("State"),  tr("r"),         tr("alpha"),
                          tr("dropout"), tr("Learning rate"), tr("Epochs"), tr("Started"),   tr("Duration"),
                          tr("Kind"),    tr("Tags"),          tr("Batch"),  tr("Precision"), tr("Model")};
    static_assert(std::size(names) == FirstMeasure);
    return names[section];
}

Qt::ItemFlags RunsModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags usual = QAbstractTableModel::flags(index);
    return index.column() == Name ? usual | Qt::ItemIsEditable : usual;
}

bool RunsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const QString name = value.toString().trimmed();
    if (role != Qt::EditRole || index.column() != Name || name.isEmpty() || name == fromText(at(index.row()).name)) return false;
    Q_EMIT renameRequested(at(index.row()).id, name);
    return true;
}

RunsProxy::RunsProxy(QObject* parent) : QSortFilterProxyModel(parent) {
    setSortRole(RunsModel::kSortRole);
    setDynamicSortFilter(true);
}

void RunsProxy::setFilter(const RunFilter& filter) {
    m_filter = filter;
    invalidateFilter();
}

void RunsProxy::hide(const QList<engine::RunId>& runs) {
    for (const engine::RunId run : runs) m_hidden.insert(run);
    invalidateFilter();
}

void RunsProxy::unhide(const QList<engine::RunId>& runs) {
    for (const engine::RunId run : runs) m_hidden.remove(run);
    invalidateFilter();
}

bool RunsProxy::filterAcceptsRow(int row, const QModelIndex&) const {
    const engine::RunSummary& run = static_cast<const RunsModel*>(sourceModel())->at(row);
    return !m_hidden.contains(run.id) && m_filter.matches(run);
}

bool RunsProxy::lessThan(const QModelIndex& left, const QModelIndex& right) const {
    const QVariant a = left.data(RunsModel::kSortRole), b = right.data(RunsModel::kSortRole);
    if (!a.isValid() || !b.isValid()) { // nothing comes last in either direction
        if (a.isValid() == b.isValid()) return false;
        return a.isValid() == (sortOrder() == Qt::AscendingOrder);
    }
    if (a.typeId() == QMetaType::Double && b.typeId() == QMetaType::Double) return a.toDouble() < b.toDouble();
    if (a.typeId() != b.typeId()) return a.typeId() == QMetaType::Double;
    return QString::localeAwareCompare(a.toString(), b.toString()) < 0;
}

} // namespace ui
