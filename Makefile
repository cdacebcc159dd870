# Every target sets the checkout up first; that costs nothing when it is done already.
.PHONY: setup demo test bench ui lint screenshots

BIN := .venv/bin
# One thread for each of the two test processes: more would only stand in each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

setup:
	@python="$(PYTHON)"; [ -n "$$python" ] || python="$$(./scripts/find-python)" || exit 1; \
	"$$python" scripts/setup.py

demo: setup
	@$(BIN)/rationale-eval demo
	@if [ -t 1 ]; then $(BIN)/rationale-eval ui $(UI); \
	else echo "the dashboard: make ui, then http://localhost:8501"; fi

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

test: lint
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile

bench: setup
	$(BIN)/python -m benchmarks.run

ui: setup
	@$(BIN)/rationale-eval ui $(UI)

screenshots: setup
	$(BIN)/python scripts/screenshots.py $(SCREENSHOTS)
