// Evaluations of tiny models: the same answers however the work was batched, resumed or limited.
#include <cmath>
#include <filesystem>
#include <limits>

#include "eval_fixture.h"

using namespace amalgam;
using core::Json;
using test::Answers;
using test::Evaluation;

namespace {

std::vector<int> random_tokens(test::Random& random, std::int64_t count) {
  std::vector<int> tokens;
  for (std::int64_t i = 0; i < count; ++i)
    tokens.push_back(static_cast<int>(random.integer(0, test::tiny_vocabulary - 1)));
  return tokens;
}

/// Items of all kinds and many lengths.
Json varied_items(std::uint64_t seed, int count) {
  test::Random random(seed);
  Json items = Json::array();
  for (int i = 0; i < count; ++i) {
    const std::vector<int> prompt = random_tokens(random, random.integer(1, 20));
    if (i % 3 == 0) {
      items.push(test::generate_item(prompt, static_cast<int>(random.integer(1, 9)), random_tokens(random, 6)));
    } else if (i % 3 == 1) {
      std::vector<std::vector<int>> choices;
      for (std::int64_t c = random.integer(1, 5); c > 0; --c)
        choices.push_back(random_tokens(random, random.integer(1, 4)));
      items.push(test::choices_item(prompt, choices));
    } else {
      items.push(test::loss_item(prompt, random_tokens(random, random.integer(1, 9))));
    }
  }
  return items;
}

/// The base model, each of three adapters, pairs of them, and one recipe at several coefficients.
Evaluation varied_evaluation(int items) {
  Evaluation evaluation;
  evaluation.model = test::write_tiny_checkpoint(3);
  for (int i = 0; i < 3; ++i) {
    evaluation.adapters.push(
        test::adapter_part("adapter-" + std::to_string(i), test::tiny_adapter(20 + static_cast<unsigned>(i), 2 + i)));
  }
  evaluation.subjects = Json::array({
      test::subject_part("two", {{2, 0.7}}),
      test::subject_part("base", {}),
      test::subject_part("zero", {{0, 1}}),
      test::subject_part("both", {{0, 0.5}, {1, -0.25}}),
      test::subject_part("both, more", {{0, 1.5}, {1, 0.75}}),
      test::subject_part("one", {{1, 1}}),
      test::subject_part("nothing of it", {{1, 0}}),
  });
  evaluation.items = varied_items(5, items);
  return evaluation;
}

Json value_of(const Answers& answers, int subject, int item) { return Json::parse(answers.at({subject, item})); }

}  // namespace

TEST("every pair alone has the bits of all of them together, for any batch and number of threads") {
  Evaluation together = varied_evaluation(9);
  const Json result = together.run();
  const Answers expected = test::answers_of(together.out_file);
  CHECK_EQ(expected.size(), std::size_t{63});
  CHECK_EQ(result.get_int("done"), 63);
  for (int subject = 0; subject < 7; ++subject) {
    for (int item = 0; item < 9; ++item) {
      Evaluation alone = together;
      alone.out_file = "";
      alone.work = {{subject, item}};
      alone.run();
      CHECK_EQ(test::answers_of(alone.out_file).at({subject, item}), expected.at({subject, item}));
    }
  }
  for (const auto& [batch_tokens, threads] : {std::pair{1, 1}, std::pair{25, 3}, std::pair{100, 2}}) {
    Evaluation other = together;
    other.out_file = "";
    other.batch_tokens = batch_tokens;
    other.threads = threads;
    other.run();
    CHECK(test::answers_of(other.out_file) == expected);
  }
}

TEST("a subject whose coefficients are all zero has the base model's bits, others do not") {
  Evaluation evaluation = varied_evaluation(6);
  evaluation.run();
  const Answers answers = test::answers_of(evaluation.out_file);
  for (int item = 0; item < 6; ++item) {
    CHECK_EQ(answers.at({6, item}), answers.at({1, item}));
    CHECK(answers.at({5, item}) != answers.at({1, item}));
    CHECK(answers.at({3, item}) != answers.at({4, item}));
  }
}

TEST("coefficients for each module are those of one number, and differ where they differ") {
  Evaluation evaluation = varied_evaluation(3);
  Json same = Json::array();
  Json other = Json::array();
  for (int m = 0; m < 6; ++m) {
    same.push(0.7);
    other.push(m == 4 ? 0.6 : 0.7);
  }
  const auto subject = [](const Json& coefficients) {
    return Json::object(
        {{"name", "x"}, {"terms", Json::array({Json::object({{"adapter", 2}, {"coefficients", coefficients}})})}});
  };
  evaluation.subjects = Json::array({test::subject_part("two", {{2, 0.7}}), subject(same), subject(other)});
  evaluation.run();
  const Answers answers = test::answers_of(evaluation.out_file);
  for (int item = 0; item < 3; ++item) {
    CHECK_EQ(answers.at({0, item}), answers.at({1, item}));
    CHECK(answers.at({0, item}) != answers.at({2, item}));
  }
}

TEST("choices, loss and generation agree about the same tokens, bit for bit") {
  Evaluation evaluation;
  evaluation.model = test::write_tiny_checkpoint(4);
  const std::vector<int> prompt{1, 17, 44, 3};
  evaluation.items = Json::array({test::generate_item(prompt, 6)});
  evaluation.run();
  const Json generated = value_of(test::answers_of(evaluation.out_file), 0, 0);
  CHECK(!generated.get_bool("ended"));
  std::vector<int> tokens;
  for (const Json& token : generated.get_array("tokens")) tokens.push_back(static_cast<int>(token.as_int("token")));
  CHECK_EQ(tokens.size(), std::size_t{6});

  const std::vector<int> begin(tokens.begin(), tokens.begin() + 3);
  int unused = 0;
  while (std::ranges::count(tokens, unused) > 0) ++unused;
  evaluation.out_file = "";
  evaluation.items =
      Json::array({test::choices_item(prompt, {tokens, begin, {tokens[0]}}), test::loss_item(prompt, tokens),
                   test::generate_item(prompt, 6, {unused, tokens[3]}), test::generate_item(prompt, 3),
                   test::loss_item(prompt, {tokens[0], tokens[1], tokens[2], tokens[3]})});
  evaluation.run();
  const Answers answers = test::answers_of(evaluation.out_file);
  const Json::Array sums = value_of(answers, 0, 0).get_array("logProbabilities");
  CHECK_EQ(sums.size(), std::size_t{3});
  CHECK_EQ(sums[0].as_number("sum"), generated.get_number("logProbability"));
  CHECK_EQ(value_of(answers, 0, 1).get_number("logProbability"), generated.get_number("logProbability"));
  CHECK_EQ(value_of(answers, 0, 1).get_int("count"), 6);
  CHECK_EQ(sums[1].as_number("sum"), value_of(answers, 0, 3).get_number("logProbability"));
  CHECK(sums[2].as_number("sum") > sums[1].as_number("sum"));
  // The stop token is left out of the tokens, and counted in the log-likelihood.
  const auto at_stop = static_cast<std::size_t>(std::ranges::find(tokens, tokens[3]) - tokens.begin());
  const Json stopped = value_of(answers, 0, 2);
  CHECK(stopped.get_bool("ended"));
  CHECK_EQ(stopped.get_array("tokens").size(), at_stop);
  if (at_stop == 3)
    CHECK_EQ(stopped.get_number("logProbability"), value_of(answers, 0, 4).get_number("logProbability"));
}

TEST("generation ends where the positions end, and what is too long says so") {
  Evaluation evaluation;
  evaluation.model = test::write_tiny_checkpoint(6);
  test::Random random(1);
  const std::vector<int> full = random_tokens(random, test::tiny_positions);
  const std::vector<int> near(full.begin(), full.end() - 3);
  std::vector<int> longer = full;
  longer.push_back(1);
  evaluation.items =
      Json::array({test::generate_item(near, 20), test::generate_item(full, 20), test::generate_item(longer, 1),
                   test::loss_item(near, {1, 2, 3, 4}), test::loss_item(near, {1, 2, 3, 4, 5}),
                   test::choices_item(near, {{1}, {1, 2, 3, 4, 5}})});
  const Json result = evaluation.run();
  const Answers answers = test::answers_of(evaluation.out_file);
  CHECK_EQ(value_of(answers, 0, 0).get_array("tokens").size(), std::size_t{4});
  CHECK(!value_of(answers, 0, 0).get_bool("ended"));
  CHECK_EQ(value_of(answers, 0, 1).get_array("tokens").size(), std::size_t{1});
  CHECK_EQ(value_of(answers, 0, 3).get_int("count"), 4);
  for (const int item : {2, 4, 5}) CHECK_EQ(value_of(answers, 0, item).get_string("problem"), "prompt-too-long");
  CHECK_EQ(value_of(answers, 0, 4).get_string("message"),
           "The prompt with its answer takes 41 positions, the base model has 40.");
  CHECK_EQ(result.get_int("done"), 6);
}

TEST("logits that are not finite cost their own pair only, and name the adapters") {
  Evaluation evaluation = varied_evaluation(6);
  test::Adapter huge = test::tiny_adapter(9, 2);
  for (auto& [name, factors] : huge.modules) {
    for (std::int64_t i = 0; i < factors.a.size(); ++i) factors.a.data()[i] *= 1e30f;
    for (std::int64_t i = 0; i < factors.b.size(); ++i) factors.b.data()[i] *= 1e30f;
  }
  evaluation.adapters.push(test::adapter_part("huge", huge));
  evaluation.run();
  const Answers healthy = test::answers_of(evaluation.out_file);
  evaluation.subjects.push(test::subject_part("broken", {{1, 1}, {3, 1}}));
  evaluation.out_file = "";
  CHECK_EQ(evaluation.run().get_int("done"), 48);
  Answers answers = test::answers_of(evaluation.out_file);
  for (int item = 0; item < 6; ++item) {
    CHECK_EQ(value_of(answers, 7, item).get_string("problem"), "logits-not-finite");
    CHECK_EQ(value_of(answers, 7, item).get_string("message"),
             "The logits of broken (adapters adapter-1, huge) are not finite.");
  }
  std::erase_if(answers, [](const auto& entry) { return entry.first.first == 7; });
  CHECK(answers == healthy);
}

TEST("an adapter whose factors are not finite costs its own subjects only") {
  Evaluation evaluation = varied_evaluation(3);
  evaluation.run();
  const Answers healthy = test::answers_of(evaluation.out_file);
  test::Adapter broken = test::tiny_adapter(9, 2);
  broken.modules.begin()->second.a.data()[5] = 123.25f;
  const Json part = test::adapter_part("broken", broken);
  test::replace_float(part.get_string("weightsFile"), 123.25f, std::numeric_limits<float>::quiet_NaN());
  evaluation.adapters.push(part);
  evaluation.subjects.push(test::subject_part("damaged", {{3, 1}}));
  evaluation.out_file = "";
  evaluation.run();
  Answers answers = test::answers_of(evaluation.out_file);
  for (int item = 0; item < 3; ++item) CHECK_EQ(value_of(answers, 7, item).get_string("problem"), "not-finite");
  std::erase_if(answers, [](const auto& entry) { return entry.first.first == 7; });
  CHECK(answers == healthy);
}

TEST("a job that was cut off and goes on has the lines of one that was not") {
  Evaluation whole = varied_evaluation(9);
  whole.run();
  const Answers expected = test::answers_of(whole.out_file);

  Evaluation part = whole;
  part.out_file = "";
  part.batch_tokens = 30;
  core::CancelToken cancel;
  core::Progress stop_in_the_middle(
      [&](const core::ProgressReport& report) {
        if (report.stage == "evaluating" && report.done >= 20) cancel.request();
      },
      std::chrono::milliseconds(0));
  CHECK_ERROR("cancelled", eval::run_evaluate(part.request(), stop_in_the_middle, cancel));
  const Answers first = test::answers_of(part.out_file);
  CHECK(first.size() >= 20 && first.size() < expected.size());

  std::ofstream(part.out_file, std::ios::app) << "{\"subject\":1,\"it";  // as a crash leaves it
  for (const auto& [pair, answer] : expected) {
    if (!first.contains(pair)) part.work.emplace_back(pair.first, pair.second);
  }
  CHECK_EQ(part.run().get_int("done"), static_cast<std::int64_t>(expected.size() - first.size()));
  CHECK_EQ(test::lines_of(part.out_file).size(), expected.size());
  CHECK(test::answers_of(part.out_file) == expected);
}

TEST("the estimate says what it counts, and what is taken stays near it") {
  Evaluation evaluation = varied_evaluation(9);
  const Json result = evaluation.run();
  const Json& estimate = result.get_object("estimate");
  double sum = 0;
  for (const char* part : {"weights", "units", "cache", "activations"}) {
    CHECK(estimate.get_number(part) > 0);
    sum += estimate.get_number(part);
  }
  CHECK_EQ(estimate.get_number("total"), sum);
  CHECK(estimate.get_number("free") > sum);
  CHECK(result.get_number("weightBytes") > 0);
  CHECK(result.get_number("tokens") > 9 * 7);
  CHECK(result.get_number("peakBytes") < sum + 64e6);
}

TEST("memory for one stack at a time gives the same answers; less is refused before anything is written") {
  Evaluation evaluation = varied_evaluation(6);
  const Json result = evaluation.run();
  const Answers expected = test::answers_of(evaluation.out_file);
  const Json& estimate = result.get_object("estimate");
  Evaluation tight = evaluation;
  tight.out_file = "";
  tight.memory_bytes = estimate.get_int("total") - estimate.get_int("units") * 3 / 4;
  const Json& less = tight.run();
  CHECK(less.get_object("estimate").get_int("total") <= tight.memory_bytes);
  CHECK(test::answers_of(tight.out_file) == expected);

  Evaluation none = evaluation;
  none.out_file = "";
  none.memory_bytes = estimate.get_int("weights");
  const core::Error error = CHECK_ERROR("memory-short", none.run());
  CHECK(std::string(error.what()).find("are allowed; try a higher limit of memory") != std::string::npos);
  CHECK(!std::filesystem::exists(none.out_file));
}

TEST("bad requests are refused by the field, the token or the shape") {
  const auto refused = [](const std::string& code, const std::function<void(Evaluation&)>& change) {
    Evaluation evaluation = varied_evaluation(3);
    change(evaluation);
    const core::Error error = CHECK_ERROR(code, evaluation.run());
    CHECK(!std::filesystem::exists(evaluation.out_file));
    return std::string(error.what());
  };
  CHECK_EQ(refused("prompt-empty", [](Evaluation& e) { e.items.push(test::loss_item({}, {1})); }),
           "items[3] has a prompt without tokens; the first token has nothing to follow.");
  CHECK_EQ(refused("request-invalid", [](Evaluation& e) { e.items.push(test::loss_item({1}, {})); }),
           "items[3].ask.answer must have at least one token.");
  CHECK_EQ(refused("request-invalid", [](Evaluation& e) { e.items.push(test::choices_item({1}, {{1}, {}})); }),
           "items[3].ask.choices[1] must have at least one token.");
  CHECK_EQ(refused("vocabulary-mismatch", [](Evaluation& e) { e.items.push(test::loss_item({1}, {61})); }),
           "items[3] has the token 61; the base model's embedding has 61 rows.");
  CHECK_EQ(refused("request-invalid", [](Evaluation& e) { e.work = {{0, 3}}; }),
           "work[0][1] must be from 0 to 2, not 3.");
  CHECK_EQ(
      refused("request-invalid", [](Evaluation& e) { e.subjects.push(test::subject_part("x", {{1, 1}, {1, 2}})); }),
      "subjects[7].terms[1] names an adapter twice.");
}

TEST("an adapter for another base model is refused with its name and the shapes") {
  Evaluation evaluation = varied_evaluation(3);
  test::Random random(2);
  test::Adapter other{{}, 1, core::DType::F32};
  other.modules["model.layers.1.self_attn.q_proj"] = test::random_factors(random, 64, 32, 2, core::DType::F32);
  evaluation.adapters.push(test::adapter_part("stranger", other));
  const core::Error error = CHECK_ERROR("adapter-other-base", evaluation.run());
  CHECK(std::string(error.what()).find("stranger") != std::string::npos);
  CHECK(std::string(error.what()).find("64") != std::string::npos);
}

TEST("an unknown device is refused, an empty job is done at once") {
  const auto run = [](const std::string& device) {
    Evaluation evaluation = varied_evaluation(3);
    const Json whole = evaluation.request();
    Json request = Json::object({});
    for (const auto& [key, value] : whole.as_object("request")) {
      request.set(key, key == "work" ? Json::array() : key == "device" ? Json(device) : value);
    }
    core::Progress progress;
    const core::CancelToken cancel;
    return eval::run_evaluate(request, progress, cancel);
  };
  CHECK_EQ(run("cpu").get_int("done"), 0);
  CHECK_ERROR("device-unknown", run("abacus"));
}

TEST("facts of a checkpoint") {
  const std::string folder = test::write_tiny_checkpoint(1, core::DType::BF16);
  core::Progress progress;
  const core::CancelToken cancel;
  const Json facts = eval::run_checkpoint(Json::object({{"folder", folder}}), progress, cancel);
  const std::int64_t block = 32 * 32 * 2 + 16 * 32 * 2 + 48 * 32 * 3 + 2 * 32;
  const std::int64_t parameters = 2 * 61 * 32 + 2 * block + 32;
  CHECK_EQ(facts.get_string("family"), "llama");
  CHECK_EQ(facts.get_string("dtype"), "BF16");
  CHECK_EQ(facts.get_int("parameters"), parameters);
  CHECK_EQ(facts.get_int("weightBytes"), 2 * parameters);
  CHECK_EQ(facts.get_int("maxPositions"), 40);
  CHECK_EQ(facts.get_array("modules").size(), std::size_t{14});
  CHECK_EQ(facts.get_array("modules")[8].dump(), R"({"name":"model.layers.1.self_attn.k_proj","in":32,"out":16})");
  CHECK_EQ(facts.get_array("endTokens")[0].as_int("token"), 2);
  const Json& memory = facts.get_array("memory")[0];
  CHECK_EQ(memory.get_string("device"), "cpu");
  CHECK(memory.get_int("needs") > 2 * parameters && memory.get_int("needs") < memory.get_int("free"));
}
