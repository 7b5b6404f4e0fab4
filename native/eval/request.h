// The request of an evaluation as plain values (evaluate.h describes the JSON).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/json.h"
#include "model/request_parts.h"
#include "model/unit_stack.h"

namespace amalgam::eval {

using model::Tokens;

/// Greedy continuation until a stop token, the bound or the end of the positions.
struct Generate {
  std::int64_t max_new_tokens = 0;
  Tokens stop;
};
/// Log-likelihood of every choice after the prompt.
struct Choices {
  std::vector<Tokens> choices;
};
/// Log-likelihood of the answer after the prompt.
struct Loss {
  Tokens answer;
};
using Ask = std::variant<Generate, Choices, Loss>;

struct Item {
  Tokens prompt;
  Ask ask;
};

/// An adapter's file and the names of its factors.
struct AdapterRequest {
  std::string name;
  std::string weights_file;
  std::vector<model::ModuleRequest> modules;
};

/// The base model with some adapters. Adapters whose coefficients are all 0 are left out, so that they change no bit.
struct Subject {
  std::string name;
  std::vector<std::int32_t> adapters;  ///< in the order of the terms
  model::Coefficients coefficients;    ///< for each of them, one number per module
};

/// Positions in `subjects` and `items`.
struct Pair {
  std::int32_t subject = 0;
  std::int32_t item = 0;
};

struct Request {
  std::string model;
  std::string device;
  int threads = 1;
  std::uint64_t memory_bytes = 0;  ///< 0 for what is free
  std::int64_t batch_tokens = 0;   ///< 0 for the planner's choice
  std::vector<AdapterRequest> adapters;
  std::vector<Subject> subjects;
  std::vector<Item> items;
  std::vector<Pair> work;
  std::string out_file;
};

/// Throws Error "request-invalid" naming the field, "prompt-empty" naming the item.
Request read_request(const core::Json& request);

/// Positions that the item takes: tokens that go through the model, all but the last of what is asked.
std::int64_t positions_of(const Item& item);

/// The largest token id of the item.
std::int32_t largest_token(const Item& item);

}  // namespace amalgam::eval
