// SPDX-License-Identifier: GPL-3.0-or-later
// One training, from a prepared experiment and a loaded model to its evaluated adapter.
#pragma once
#include "engine/jobs/evaluation.h"
#include "engine/jobs/outcome.h"
#include "engine/train/checkpoint.h"
#include "engine/train/optim.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>

namespace engine {

class TrainRun {
public:
    /// All of these outlive it. `resume` as in TrainJob.
    TrainRun(const Setup& setup, std::optional<RunId> resume, Runs& runs, const Sink& sink, std::stop_token stop,
             JobState& state);
    /// What can be found wrong before weights are loaded, and how much memory they will take. Throws Error.
    void check();
    /// Trains, saves the adapter and evaluates it. Throws Error; StopRequested, with a checkpoint written.
    Done run(Decoder& decoder, double loadSeconds);

private:
    std::filesystem::path checkpointFolder() const { return m_folder / "checkpoints"; }
    std::optional<std::filesystem::path> findCheckpoint(RunId run);
    void tellFootprint() const;
    void begin();
    bool fitted(Decoder& decoder);
    void keepWhatIsHeld();
    std::filesystem::path save();

    const Setup& m_setup;
    std::optional<RunId> m_resume;
    Runs& m_runs;
    const Sink& m_sink;
    std::stop_token m_stop;
    JobState& m_state;
    TrainIdentity m_identity;
    std::filesystem::path m_folder; // the run's
    std::int64_t m_steps = 0;
    std::optional<std::filesystem::path> m_checkpoint; // to go on from
    std::shared_ptr<Lora> m_lora;
    std::optional<AdamW> m_optimizer;
    TrainState m_training;
    std::optional<Recorder> m_recorder;
};

} // namespace engine
