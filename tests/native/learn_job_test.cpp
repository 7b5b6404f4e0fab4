// Jobs that learn: that losses fall, which step is chosen, how they end, and what they leave.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "learn_job_fixture.h"

using namespace amalgam;
using core::Json;
using test::Learning;

namespace {

std::vector<float> numbers_at(const std::string& path, const std::string& tensor) {
  const core::SafetensorsReader file(path);
  const core::TensorInfo& info = file.at(tensor);
  std::vector<float> numbers(static_cast<std::size_t>(info.elements()));
  file.read_f32(info, numbers.data());
  return numbers;
}

/// Tensor names of B and A of a module of an adapter in the request.
std::string tensor_name(const Learning& learning, std::size_t module, const char* which) {
  return learning.adapters.as_array("adapters")[0].get_array("modules")[module].get_string(which);
}

/// Overfits: what is validated is what is learned.
Learning on_the_same(Learning learning) {
  learning.validation = learning.train;
  learning.steps = 30;
  learning.batch = 8;
  learning.validate_every = 10;
  return learning;
}

/// The examples with the answers that the base model gives: it loses much when it unlearns them.
Json with_own_answers(const Learning& learning) {
  test::Evaluation evaluation;
  evaluation.model = learning.model;
  for (const Json& example : learning.train.as_array("train")) {
    evaluation.items.push(Json::object(
        {{"prompt", example.at("prompt")}, {"ask", test::generate_item({0}, 3).at("ask")}}));
  }
  evaluation.run();
  Json examples = Json::array();
  const test::Answers answers = test::answers_of(evaluation.out_file);
  for (const Json& example : learning.train.as_array("train")) {
    const auto item = static_cast<std::int64_t>(examples.as_array("examples").size());
    examples.push(test::with(example, "answer", Json::parse(answers.at({0, item})).at("tokens")));
  }
  return examples;
}

double number_at(const Json& result, const std::string& key) { return result.get_number(key); }

}  // namespace

TEST("tuning coefficients lowers the loss, and the journal tells it step by step") {
  const Learning learning = on_the_same(test::tuning());
  const Json result = learning.run();
  CHECK_EQ(result.get_string("stopped"), "done");
  CHECK(number_at(result, "chosenLoss") < number_at(result, "startLoss") - 0.05);
  CHECK_EQ(result.get_int("parameters"), 12);
  CHECK(!std::filesystem::exists(learning.out_file()));
  const std::vector<double> train = learning.journal_numbers("trainLoss");
  CHECK_EQ(train.size(), std::size_t{30});
  CHECK_NEAR(train.front(), number_at(result, "startLoss"), 1e-6);
  CHECK(train.back() < train.front());
  CHECK_EQ(learning.journal_numbers("validationLoss").size(), std::size_t{4});
  CHECK_NEAR(learning.journal_numbers("rate")[0], 0.025, 1e-12);
  CHECK_EQ(learning.journal().back().get_int("tokens"), result.get_int("tokens"));
  const Json& raw = result.get_array("raw")[0].as_array("row")[0];
  const Json& coefficient = result.get_array("coefficients")[0].as_array("row")[0];
  const double number = raw.as_number("raw");
  CHECK_NEAR(coefficient.as_number("coefficient"), number > 0 ? number : 0.01 * number, 1e-9);
}

TEST("training a fresh adapter lowers the loss; only B, or B under a mask, keeps all else bit for bit") {
  const Learning both = on_the_same(test::training());
  const Json result = both.run();
  CHECK(number_at(result, "chosenLoss") < number_at(result, "startLoss") - 0.2);
  const Learning only_b = on_the_same(test::training({"b", true, {}, 0}));
  const Json of_b = only_b.run();
  CHECK(number_at(of_b, "chosenLoss") < number_at(of_b, "startLoss") - 0.1);
  CHECK(of_b.get_int("parameters") < result.get_int("parameters"));
  const std::string a = tensor_name(both, 0, "a");
  const std::vector<float> start = numbers_at(only_b.out_file(), a);
  CHECK(numbers_at(both.out_file(), a) != start);
  const std::int64_t in = both.adapters.as_array("adapters")[0].get_array("modules")[0].get_int("in");
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  for (const float number : start) CHECK(std::abs(number) <= bound);
}

TEST("a sparse mask keeps the largest entries, and training under it keeps the others' bits") {
  Learning learning = test::training({"b", false, {}, 0});
  const Json adapter = learning.adapters.as_array("adapters")[0];
  const std::string mask_file = test::fresh_folder() + "/mask.safetensors";
  core::Progress progress;
  const core::CancelToken cancel;
  const auto make_mask = [&](double sparsity, const std::string& scope) {
    return learn::run_sparse_mask(Json::object({{"weightsFile", adapter.at("weightsFile")},
                                                {"modules", adapter.at("modules")},
                                                {"sparsity", sparsity},
                                                {"scope", scope},
                                                {"outFile", mask_file},
                                                {"threads", 1}}),
                                  progress, cancel);
  };
  const Json by_module = make_mask(0.9, "module");
  CHECK(by_module.at("threshold").is_null());
  for (const Json& module : by_module.get_array("modules")) CHECK(module.get_int("kept") > 0);
  CHECK_EQ(make_mask(0, "adapter").get_int("kept"), by_module.get_int("total"));
  const Json made = make_mask(0.75, "adapter");
  const std::int64_t total = made.get_int("total");
  CHECK_EQ(made.get_int("kept"), static_cast<std::int64_t>(0.25 * static_cast<double>(total)));

  learning.adapters = Json::array({test::with(adapter, "maskFile", mask_file)});
  const Json result = on_the_same(learning).run();
  CHECK_EQ(result.get_int("parameters"), made.get_int("kept"));
  std::int64_t changed = 0;
  const core::SafetensorsReader masks(mask_file);
  for (std::size_t m = 0; m < adapter.get_array("modules").size(); ++m) {
    const std::string b = tensor_name(learning, m, "b");
    const std::vector<float> before = numbers_at(adapter.get_string("weightsFile"), b);
    const std::vector<float> after = numbers_at(learning.out_file(), b);
    std::vector<std::uint8_t> mask(before.size());
    masks.read_raw(masks.at(b), 0, mask.size(), mask.data());
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK_EQ(mask[i] != 0, std::abs(before[i]) >= static_cast<float>(made.get_number("threshold")));
      if (mask[i] == 0) CHECK_EQ(after[i], before[i]);
      changed += after[i] != before[i] ? 1 : 0;
    }
    CHECK(numbers_at(learning.out_file(), tensor_name(learning, m, "a")) ==
          numbers_at(adapter.get_string("weightsFile"), tensor_name(learning, m, "a")));
  }
  CHECK_EQ(changed, made.get_int("kept"));
}

TEST("the rate of B over that of A is bRatio") {
  Learning learning = test::training({"both", false, {}, 0});
  learning.steps = 1;
  learning.choose = "last";
  learning.optimiser = test::with(test::with(learning.optimiser, "bRatio", 16.0), "schedule", "constant");
  learning.optimiser = test::with(test::with(learning.optimiser, "warmupSteps", 0), "rate", 0.001);
  learning.run();
  const std::string before = learning.adapters.as_array("adapters")[0].get_string("weightsFile");
  for (const auto& [which, rate] : {std::pair{"a", 0.001}, std::pair{"b", 0.016}}) {
    const std::string name = tensor_name(learning, 0, which);
    const std::vector<float> old_numbers = numbers_at(before, name);
    const std::vector<float> new_numbers = numbers_at(learning.out_file(), name);
    double largest = 0;
    for (std::size_t i = 0; i < old_numbers.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(new_numbers[i]) - old_numbers[i]));
    }
    CHECK_NEAR(largest, rate, rate * 1e-3);  // AdamW's first step has the length of the rate
  }
}

TEST("a step that only harms is not chosen, and the last one is where it is asked for") {
  Learning learning = test::tuning();
  learning.coefficients = test::learned_coefficients("module", "identity", test::constant_start(0));
  learning.optimiser = test::with(learning.optimiser, "coefficientRate", 1e-9);
  learning.objective = test::with(learning.objective, "l1", 0.0);
  Json result = learning.run();
  CHECK_NEAR(number_at(result, "chosenLoss"), number_at(result, "startLoss"), 1e-5);

  // Answers that mislead: what is learned makes validation worse.
  Learning harmful = test::training();
  Json other = Json::array();
  for (const Json& example : harmful.train.as_array("train")) {
    other.push(test::with(example, "answer", Json::array({50, 51, 52})));
  }
  harmful.validation = other;
  harmful.optimiser = test::with(harmful.optimiser, "rate", 0.05);
  harmful.steps = harmful.validate_every = 30;
  harmful.batch = 8;
  result = harmful.run();
  CHECK_EQ(result.get_int("chosenStep"), 0);
  CHECK_EQ(number_at(result, "chosenLoss"), number_at(result, "startLoss"));
  CHECK(number_at(result, "lastLoss") > number_at(result, "startLoss"));
  for (const float number : numbers_at(harmful.out_file(), tensor_name(harmful, 0, "b"))) CHECK_EQ(number, 0.0f);
  harmful.folder = test::fresh_folder();
  harmful.choose = "last";
  result = harmful.run();
  CHECK_EQ(result.get_int("chosenStep"), 30);
  CHECK_EQ(number_at(result, "chosenLoss"), number_at(result, "lastLoss"));
}

TEST("a rate that diverges ends the job with step and value, and the best is kept") {
  Learning learning = test::training();
  learning.model = test::write_tiny_checkpoint(3, core::DType::F32, 2);
  learning.train = with_own_answers(learning);
  learning.optimiser = test::with(test::with(learning.optimiser, "rate", 30.0), "warmupSteps", 0);
  const Json result = learning.run();
  CHECK_EQ(result.get_string("stopped"), "diverged");
  CHECK(result.get_int("lastStep") >= 1 && result.get_int("lastStep") < 8);
  CHECK(number_at(result, "value") > learning.journal_numbers("trainLoss")[0] + 2 * std::log(61.0));
  CHECK_EQ(result.get_int("chosenStep"), 0);
  CHECK(std::filesystem::exists(learning.out_file()));
}

TEST("where the base model overflows nothing is learned") {
  Learning learning = test::tuning();
  learning.model = test::write_tiny_checkpoint(3, core::DType::F32, 3e18);
  CHECK_ERROR("loss-not-finite", learning.run());
}

TEST("a gradient that is not finite ends the job naming the module") {
  Learning learning = test::tuning();
  // Coefficients of 0 hide a factor so large that only the gradient overflows.
  test::Adapter huge = test::tiny_adapter(21, 2);
  auto& factors = huge.modules.at("model.layers.1.mlp.down_proj");
  for (std::int64_t i = 0; i < factors.a.size(); ++i) factors.a.data()[i] = 3e38f;
  for (std::int64_t i = 0; i < factors.b.size(); ++i) factors.b.data()[i] = 3e38f;
  const Json part = test::adapter_part("huge", huge);
  learning.adapters = Json::array({test::with(test::with(learning.adapters.as_array("adapters")[0], "weightsFile",
                                                         part.at("weightsFile")),
                                              "modules", part.at("modules"))});
  learning.coefficients = test::learned_coefficients("module", "identity", test::constant_start(0));
  const Json result = learning.run();
  CHECK_EQ(result.get_string("stopped"), "not-finite");
  CHECK_EQ(result.get_string("where"), "model.layers.1.mlp.down_proj");
  CHECK_EQ(result.get_int("lastStep"), 0);
  CHECK_EQ(number_at(result, "chosenLoss"), number_at(result, "startLoss"));
}

TEST("a stop file ends the job after a step as if it had been the last one") {
  Learning learning = test::training();
  std::ofstream(learning.stop_file()) << "";
  const Json result = learning.run();
  CHECK_EQ(result.get_string("stopped"), "asked");
  CHECK_EQ(result.get_int("lastStep"), 1);
  CHECK_EQ(learning.journal().back().get_int("step"), 1);
  CHECK(learning.journal().back().find("validationLoss") != nullptr);
  std::filesystem::remove(learning.stop_file());
  const Json whole = learning.run();
  CHECK_EQ(whole.get_string("stopped"), "done");
  Learning alone = learning;
  alone.folder = test::fresh_folder();
  CHECK_EQ(test::lasting_part(whole), test::lasting_part(alone.run()));
  CHECK(test::content_of(learning.out_file()) == test::content_of(alone.out_file()));
}

TEST("the same request gives the same bytes, whatever the threads and whether activations are computed twice") {
  Learning first = test::training({"both", true, {}, 0.3});
  first.adapters.push(test::learn_adapter("other", 40, 3));
  first.coefficients = test::learned_coefficients("layer", "softmax", Json::object({{"kind", "equal"}}));
  const std::string expected = test::lasting_part(first.run());
  for (const auto& [recompute, threads] : {std::pair{"always", 1}, {"never", 3}, {"auto", 1}}) {
    Learning other = first;
    other.folder = test::fresh_folder();
    other.recompute = recompute;
    other.threads = threads;
    const Json result = other.run();
    CHECK_EQ(result.at("recompute").as_bool("recompute"), recompute == std::string("always"));
    CHECK_EQ(test::lasting_part(result), expected);
    CHECK(test::content_of(other.out_file()) == test::content_of(first.out_file()));
    CHECK(test::lasting_lines(other) == test::lasting_lines(first));
  }
  Learning seeded = first;
  seeded.folder = test::fresh_folder();
  seeded.seed = 2;
  CHECK(test::lasting_part(seeded.run()) != expected);
}

TEST("several adapters' factors have their adapter's position before their names; by unit B holds the coefficients") {
  Learning learning = test::tuning();
  learning.coefficients = test::learned_coefficients("unit", "identity", test::constant_start(0.5));
  learning.choose = "last";
  const Json result = learning.run();
  const Json adapter = learning.adapters.as_array("adapters")[1];
  const Json& module = adapter.get_array("modules")[2];
  const std::string b = module.get_string("b");
  const std::vector<float> before = numbers_at(adapter.get_string("weightsFile"), b);
  const std::vector<float> after = numbers_at(learning.out_file(), "1." + b);
  const Json::Array& numbers = result.get_array("coefficients")[1].as_array("row")[2].as_array("units");
  CHECK_EQ(numbers.size(), std::size_t{3});
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK_EQ(after[i], static_cast<float>(before[i] * numbers[i % 3].as_number("number")));
  }
  CHECK(numbers_at(learning.out_file(), "1." + module.get_string("a")) ==
        numbers_at(adapter.get_string("weightsFile"), module.get_string("a")));
}

TEST("l1 draws raw numbers to 0 and is part of what is minimised, not of validation") {
  Learning learning = on_the_same(test::tuning());
  learning.coefficients = test::learned_coefficients("adapter", "identity", test::constant_start(0.5));
  learning.steps = 1;
  const Json plain = learning.run();
  const double loss = learning.journal_numbers("trainLoss")[0];
  learning.folder = test::fresh_folder();
  learning.objective = test::with(learning.objective, "l1", 10.0);
  const Json strong = learning.run();
  CHECK_NEAR(learning.journal_numbers("trainLoss")[0], loss + 10 * 0.5, 1e-5);
  CHECK_EQ(number_at(strong, "startLoss"), number_at(plain, "startLoss"));
  Learning longer = learning;
  longer.folder = test::fresh_folder();
  longer.steps = 30;
  longer.choose = "last";
  const Json drawn = longer.run();
  CHECK(std::abs(drawn.get_array("raw")[0].as_array("row")[0].as_number("raw")) < 0.1);
}

TEST("entropies fall without answers, and groups are weighed by how uncertain they are") {
  for (const std::string kind : {"entropy", "tchebycheff"}) {
    Learning learning = on_the_same(test::tuning());
    Json unlabelled = Json::array();
    for (const Json& example : learning.train.as_array("train")) {
      unlabelled.push(test::with(example, "answer", Json::array()));
    }
    learning.train = learning.validation = unlabelled;
    learning.objective = Json::object({{"kind", kind}, {"temperature", 0.5}, {"l1", 0.0}});
    const Json result = learning.run();
    CHECK(number_at(result, "chosenLoss") < number_at(result, "startLoss") - 0.01);
    const double first = learning.journal_numbers("trainLoss")[0];
    // Both groups begin where they began: a log of the number of groups.
    CHECK_NEAR(first, kind == "entropy" ? number_at(result, "startLoss") : 0.5 * std::log(2.0), 1e-6);
  }
}

TEST("gradients at given coefficients are those of finite differences, and of factors as asked") {
  Learning learning = test::tuning();
  learning.adapters = Json::array({test::learn_adapter("one", 21, 2, {"both", false, {}, 0})});
  core::Progress progress;
  const core::CancelToken cancel;
  const auto at = [&](double number) {
    Json raw = Json::array();
    for (int m = 0; m < 6; ++m) raw.push(m == 3 ? number : 0.5);
    return learn::run_gradients(Json::object({{"model", learning.model},
                                              {"device", "cpu"},
                                              {"threads", 1},
                                              {"memoryBytes", 0},
                                              {"passTokens", 24},
                                              {"passExamples", 2},
                                              {"adapters", learning.adapters},
                                              {"coefficients", Json::array({raw})},
                                              {"activation", "square"},
                                              {"objective", "cross_entropy"},
                                              {"examples", learning.train},
                                              {"outFile", learning.out_file()}}),
                                progress, cancel);
  };
  const double difference = (at(0.51).get_number("loss") - at(0.49).get_number("loss")) / 0.02;
  const Json result = at(0.5);
  CHECK_EQ(result.get_array("gradients")[0].as_array("row").size(), std::size_t{6});
  CHECK_NEAR(result.get_array("gradients")[0].as_array("row")[3].as_number("gradient"), difference, 2e-3);
  const std::vector<float> gradient = numbers_at(learning.out_file(), tensor_name(learning, 0, "b"));
  CHECK(std::ranges::any_of(gradient, [](float number) { return number != 0; }));
}
