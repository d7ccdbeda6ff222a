// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/config.h"
#include "engine/weights/hub.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <fstream>
#include <memory>

using namespace engine;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& file, const std::string& bytes) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
}

std::string refused(const std::string& model, ErrorCode code) {
    try {
        return "resolved to " + resolveModel(model).string();
    } catch (const Error& error) { return error.code() == code ? error.what() : "another code: " + std::string(error.what()); }
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

class TestHub : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> m_dir;
    fs::path m_root, m_before;
    const std::string m_commit = std::string(40, 'a');

    fs::path snapshot(const char* repository, const std::string& commit) const {
        return m_root / "cache/hub" / repository / "snapshots" / commit;
    }

private Q_SLOTS:
    void init() {
        m_dir = std::make_unique<QTemporaryDir>();
        m_root = fs::canonical(m_dir->path().toStdString());
        m_before = fs::current_path();
        fs::current_path(m_root);
        for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"}) qunsetenv(name);
        qputenv("HF_HOME", (m_root / "cache").c_str());
        qputenv("HOME", m_root.c_str());
        qputenv("PHIBENCH_HOME", (m_root / "home").c_str());
    }
    void cleanup() { fs::current_path(m_before); }

    void theDefaultModel() {
        put(m_root / "home/models/b.gguf", "x");
        put(m_root / "home/models/a.gguf", "x");
        put(m_root / "home/models/0.txt", "x");
        put(m_root / "default/config.json", "{}"); // a folder of that name is ./default
        QCOMPARE(defaultModelPath(), m_root / "home/models/a.gguf");
        QCOMPARE(resolveModel("default"), m_root / "home/models/a.gguf");
        QCOMPARE(resolveModel("./default"), fs::path("./default"));
        QCOMPARE(installedModels(readsModelType).front(), std::string("default"));
    }
    void modelsByName() {
        QCOMPARE(std::string(namedModels().front().name), std::string("default"));
        QVERIFY(!findNamedModel("./default") && !findNamedModel("gemma"));
        // Each has a file of its own, and setup.sh fetches it.
        std::ifstream in(PHIBENCH_SOURCE_DIR "/resources/setup.sh");
        const std::string setup{std::istreambuf_iterator<char>(in), {}};
        std::vector<std::string> all;
        for (const NamedModel& model : namedModels()) {
            QVERIFY2(holds(setup, model.file), model.file);
            put(m_root / "home/models" / model.file, "x");
            put(m_root / model.name / "config.json", "{}");
            all.push_back(model.name);
        }
        for (const NamedModel& model : namedModels()) {
            QCOMPARE(resolveModel(model.name), m_root / "home/models" / model.file);
            QCOMPARE(resolveModel("./" + std::string(model.name)), fs::path("./" + std::string(model.name)));
        }
        QCOMPARE(installedModels(readsModelType), all);
        fs::remove(m_root / "home/models" / namedModels().front().file);
        put(m_root / "home/models/z.gguf", "x"); // another named model's file is not taken for the default one
        QCOMPARE(resolveModel("default"), m_root / "home/models/z.gguf");
    }
    void aNamedModelThatIsNotThere() {
        const NamedModel& gemma = *findNamedModel("gemma-3-270m");
        if (fs::exists(fs::path(PHIBENCH_SOURCE_DIR) / ".deps/models" / gemma.file)) QSKIP("it is installed for all");
        const std::string error = refused(gemma.name, ErrorCode::NotFound);
        QVERIFY2(holds(error, gemma.file) && holds(error, "resources/setup.sh --model gemma-3-270m"), error.c_str());
        auto models = installedModels(readsModelType);
        QVERIFY(std::find(models.begin(), models.end(), gemma.name) == models.end());
    }
    void theDefaultModelThatIsNotThere() {
        const fs::path file = defaultModelPath(); // in the source tree's .deps, when that has it
        if (fs::exists(file)) QSKIP("the default model is installed for all");
        QCOMPARE(file, m_root / "home/models/SmolLM2-135M-Instruct.Q4_1.gguf");
        QVERIFY(holds(refused("default", ErrorCode::NotFound), "setup.sh"));
    }

    void paths() {
        put(m_root / "m/config.json", "{}");
        put(m_root / "g/one.gguf", "x");
        put(m_root / "two/one.gguf", "x");
        put(m_root / "two/two.gguf", "x");
        put(m_root / "adapter/adapter_config.json", "{}");
        put(m_root / "m/model.safetensors", "x");
        fs::create_directories(m_root / "empty");
        QCOMPARE(resolveModel((m_root / "m").string()), m_root / "m");
        QCOMPARE(resolveModel("m"), fs::path("m"));
        QCOMPARE(resolveModel("~/m"), m_root / "m");
        QCOMPARE(resolveModel("g"), fs::path("g/one.gguf"));
        QCOMPARE(resolveModel("two/two.gguf"), fs::path("two/two.gguf"));
        QVERIFY(holds(refused("two", ErrorCode::BadInput), "one.gguf, two.gguf"));
        QVERIFY(holds(refused("adapter", ErrorCode::BadInput), "holds an adapter"));
        QVERIFY(holds(refused("m/model.safetensors", ErrorCode::BadInput), "folder that holds this file"));
        QVERIFY(holds(refused("empty", ErrorCode::NotFound), "neither a config.json nor a .gguf"));
        QVERIFY(holds(refused("", ErrorCode::BadInput), "No model was given"));
        for (const char* nothing : {"/no/such/folder", "./nothing", "a/b/c", "../x", "a b", "model.gguf/", "x--y/z"})
            QVERIFY2(holds(refused(nothing, ErrorCode::NotFound), "There is no file or folder"), nothing);
    }

    void hubIds() {
        testing_support::writeTinyModel(snapshot("models--microsoft--phi-2", m_commit));
        testing_support::writeTinyModel(snapshot("models--microsoft--phi-2", std::string(40, 'b')));
        put(m_root / "cache/hub/models--microsoft--phi-2/refs/main", m_commit + "\n");
        QCOMPARE(resolveModel("microsoft/phi-2"), snapshot("models--microsoft--phi-2", m_commit));
        put(snapshot("models--tiny", m_commit) / "model.gguf", "x"); // no config.json, no refs
        QCOMPARE(resolveModel("tiny"), snapshot("models--tiny", m_commit) / "model.gguf");
        put(snapshot("models--some--bert", m_commit) / "config.json", "{\"model_type\":\"bert\"}");
        put(snapshot("models--half--here", m_commit) / "config.json", "{\"model_type\":\"llama\"}");
        put(snapshot("models--odd--one", m_commit) / "config.json", "{\"model_type\":7}");
        put(m_root / "cache/hub/datasets--a--b/refs/main", m_commit);
        auto models = installedModels(readsModelType);
        std::erase_if(models, findNamedModel);
        QCOMPARE(models, (std::vector<std::string>{"microsoft/phi-2", "tiny"}));

        const std::string error = refused("microsoft/phi-9", ErrorCode::NotFound);
        QVERIFY2(holds(error, (m_root / "cache/hub").string()) && holds(error, "phibench-cli models get microsoft/phi-9"),
                 error.c_str());
        testing_support::writeTinyModel("microsoft/phi-2"); // a relative path that exists wins
        QCOMPARE(resolveModel("microsoft/phi-2"), fs::path("microsoft/phi-2"));
    }
    void refsCannotLeaveTheCache() {
        put(m_root / "outside/config.json", "{}");
        put(m_root / "cache/hub/models--a--b/refs/main", "../../../../outside");
        QVERIFY(holds(refused("a/b", ErrorCode::NotFound), "models get a/b"));
    }
    void whereTheCacheIs() {
        const auto at = [&](const char* folder) {
            put(m_root / folder / "models--a--b/snapshots" / m_commit / "config.json", "{}");
            return m_root / folder / "models--a--b/snapshots" / m_commit;
        };
        const fs::path home = at(".cache/huggingface/hub"), xdg = at("xdg/huggingface/hub"), hfHome = at("cache/hub"),
                       hub = at("hubcache");
        qunsetenv("HF_HOME");
        QCOMPARE(resolveModel("a/b"), home);
        qputenv("XDG_CACHE_HOME", (m_root / "xdg").c_str());
        QCOMPARE(resolveModel("a/b"), xdg);
        qputenv("HF_HOME", (m_root / "cache").c_str());
        QCOMPARE(resolveModel("a/b"), hfHome);
        qputenv("HF_HUB_CACHE", (m_root / "hubcache").c_str());
        QCOMPARE(resolveModel("a/b"), hub);
    }
};

QTEST_APPLESS_MAIN(TestHub)
#include "tst_hub.moc"
