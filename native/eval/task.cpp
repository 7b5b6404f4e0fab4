#include "eval/task.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace amalgam::eval {

namespace {

std::int64_t size_of(const Tokens& tokens) { return static_cast<std::int64_t>(tokens.size()); }

/// The log-likelihood of the answer, in one pass over prompt and answer without its last token.
class LossTask final : public Task {
 public:
  LossTask(const Item& item, TaskPlace place)
      : place_(place), tokens_(item.prompt), answer_(std::get<Loss>(item.ask).answer), prompt_(size_of(item.prompt)) {
    tokens_.insert(tokens_.end(), answer_.begin(), answer_.end() - 1);
  }

  std::int64_t next_tokens() const override { return size_of(tokens_); }

  void add_to(Batch& batch, std::int64_t) override {
    const std::int64_t first =
        batch.add({.tokens = tokens_, .past = 0, .slot = -1, .keep = false, .units = place_.units, .set = place_.set});
    for (std::size_t i = 0; i < answer_.size(); ++i) {
      const std::size_t wish = batch.want_probability(first + prompt_ - 1 + static_cast<std::int64_t>(i), answer_[i]);
      if (i == 0) first_wish_ = wish;
    }
  }

  bool take(const Batch& batch) override {
    done_ = true;
    for (std::size_t i = 0; i < answer_.size(); ++i) sum_ += batch.answers()[first_wish_ + i].log_probability;
    return std::isfinite(sum_);
  }

  bool is_done() const override { return done_; }

  void write_answer(core::Json& line) const override {
    line.set("logProbability", sum_);
    line.set("count", answer_.size());
  }

 private:
  TaskPlace place_;
  Tokens tokens_;
  const Tokens& answer_;
  std::int64_t prompt_;
  std::size_t first_wish_ = 0;
  double sum_ = 0;
  bool done_ = false;
};

/// The prompt goes into the cache once; every choice of more than one token then goes on from there, leaving it as it
/// is.
class ChoicesTask final : public Task {
 public:
  ChoicesTask(const Item& item, TaskPlace place)
      : place_(place), prompt_(item.prompt), choices_(std::get<Choices>(item.ask).choices), sums_(choices_.size()) {}

  std::int64_t next_tokens() const override { return prompt_done_ ? continuation(next_) : size_of(prompt_); }

  void add_to(Batch& batch, std::int64_t room) override {
    wishes_.clear();
    if (!prompt_done_) {
      const std::int64_t first = batch.add({.tokens = prompt_,
                                            .past = 0,
                                            .slot = place_.slot,
                                            .keep = place_.slot >= 0,
                                            .units = place_.units,
                                            .set = place_.set});
      const std::int64_t last = first + size_of(prompt_) - 1;
      for (std::size_t c = 0; c < choices_.size(); ++c) {
        wishes_.emplace_back(c, batch.want_probability(last, choices_[c].front()));
      }
      return;
    }
    while (next_ < choices_.size() && continuation(next_) <= room) {
      const Tokens& choice = choices_[next_];
      const std::int64_t first = batch.add({.tokens = std::span(choice).first(choice.size() - 1),
                                            .past = size_of(prompt_),
                                            .slot = place_.slot,
                                            .keep = false,
                                            .units = place_.units,
                                            .set = place_.set});
      for (std::size_t i = 1; i < choice.size(); ++i) {
        wishes_.emplace_back(next_, batch.want_probability(first + static_cast<std::int64_t>(i) - 1, choice[i]));
      }
      room -= continuation(next_);
      to_next_long();
    }
  }

  bool take(const Batch& batch) override {
    for (const auto& [choice, wish] : wishes_) sums_[choice] += batch.answers()[wish].log_probability;
    if (!std::exchange(prompt_done_, true)) {
      next_ = 0;
      if (continuation(0) == 0) to_next_long();
    }
    return std::ranges::all_of(sums_, [](double sum) { return std::isfinite(sum); });
  }

  bool is_done() const override { return prompt_done_ && next_ == choices_.size(); }

  void write_answer(core::Json& line) const override {
    core::Json sums = core::Json::array();
    for (const double sum : sums_) sums.push(sum);
    line.set("logProbabilities", std::move(sums));
  }

 private:
  std::int64_t continuation(std::size_t choice) const { return size_of(choices_[choice]) - 1; }
  void to_next_long() {
    for (++next_; next_ < choices_.size() && continuation(next_) == 0;) ++next_;
  }

  TaskPlace place_;
  const Tokens& prompt_;
  const std::vector<Tokens>& choices_;
  std::vector<double> sums_;
  std::vector<std::pair<std::size_t, std::size_t>> wishes_;  ///< of this pass: choice and number of the wish
  std::size_t next_ = 0;                                     ///< the next choice with more than one token
  bool prompt_done_ = false;
};

/// The likeliest token after the prompt, then after each token that came.
class GenerateTask final : public Task {
 public:
  GenerateTask(const Item& item, TaskPlace place, std::int64_t positions)
      : place_(place), prompt_(item.prompt), ask_(std::get<Generate>(item.ask)), positions_(positions) {}

  std::int64_t next_tokens() const override { return past_ == 0 ? size_of(prompt_) : 1; }

  void add_to(Batch& batch, std::int64_t) override {
    const std::span<const std::int32_t> tokens = past_ == 0 ? std::span(prompt_) : std::span(tokens_).last(1);
    const std::int64_t first = batch.add({.tokens = tokens,
                                          .past = past_,
                                          .slot = place_.slot,
                                          .keep = place_.slot >= 0,
                                          .units = place_.units,
                                          .set = place_.set});
    past_ += static_cast<std::int64_t>(tokens.size());
    wish_ = batch.want_best(first + static_cast<std::int64_t>(tokens.size()) - 1);
  }

  bool take(const Batch& batch) override {
    const Verdict& verdict = batch.answers()[wish_];
    if (verdict.token < 0 || !std::isfinite(verdict.log_probability)) return false;
    log_probability_ += verdict.log_probability;
    ended_ = std::ranges::find(ask_.stop, verdict.token) != ask_.stop.end();
    if (!ended_) tokens_.push_back(verdict.token);
    return true;
  }

  bool is_done() const override {
    return ended_ || size_of(tokens_) == ask_.max_new_tokens || (past_ > 0 && past_ == positions_);
  }

  void write_answer(core::Json& line) const override {
    core::Json tokens = core::Json::array();
    for (const std::int32_t token : tokens_) tokens.push(token);
    line.set("tokens", std::move(tokens));
    line.set("ended", ended_);
    line.set("logProbability", log_probability_);
  }

 private:
  TaskPlace place_;
  const Tokens& prompt_;
  const Generate& ask_;
  std::int64_t positions_;
  Tokens tokens_;
  std::int64_t past_ = 0;
  std::size_t wish_ = 0;
  double log_probability_ = 0;
  bool ended_ = false;
};

}  // namespace

bool needs_slot(const Item& item) {
  if (const auto* generate = std::get_if<Generate>(&item.ask)) return generate->max_new_tokens > 1;
  if (const auto* choices = std::get_if<Choices>(&item.ask)) {
    return std::ranges::any_of(choices->choices, [](const Tokens& choice) { return choice.size() > 1; });
  }
  return false;
}

std::int64_t longest_sequence(const Item& item) {
  std::int64_t longest = size_of(item.prompt);
  if (const auto* loss = std::get_if<Loss>(&item.ask)) longest += size_of(loss->answer) - 1;
  if (const auto* choices = std::get_if<Choices>(&item.ask)) {
    for (const Tokens& choice : choices->choices) longest = std::max(longest, size_of(choice) - 1);
  }
  return longest;
}

std::unique_ptr<Task> make_task(const Item& item, TaskPlace place, std::int64_t positions) {
  if (std::holds_alternative<Loss>(item.ask)) return std::make_unique<LossTask>(item, place);
  if (std::holds_alternative<Choices>(item.ask)) return std::make_unique<ChoicesTask>(item, place);
  return std::make_unique<GenerateTask>(item, place, positions);
}

}  // namespace amalgam::eval
