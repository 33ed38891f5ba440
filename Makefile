# The logic is in toolchain/; these are the names. `make` alone lists them.
STACK ?= dev
export STACK ARGS TO FOLLOW BRANCH

.DEFAULT_GOAL := help
.PHONY: unlock docs preview-stack drop-stack help up preview refresh destroy clean outputs url ssh logs status releases rollback restart setup lock test lint fmt

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="	" read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done
	@echo "With STACK=name for another stack than dev, ARGS='...' for more arguments of the command behind it."

up: ## bring the app up: toolchain, machine, deployment; prints its URL
	@toolchain/launch up
preview: ## what `make up` would change
	@toolchain/launch preview
refresh: ## look at what is really there
	@toolchain/launch refresh
destroy: ## remove all of it; caches stay
	@toolchain/launch destroy
clean: ## remove caches too, after `make destroy`
	@toolchain/launch clean
outputs: ## the stack's outputs, as JSON
	@toolchain/launch outputs
url: ## the app's URL
	@toolchain/launch url
ssh: ## log in to the machine, or run there what ARGS says
	@toolchain/launch ssh
logs: ## the app's log; FOLLOW=1 to follow it
	@toolchain/launch logs
status: ## which release serves, and its processes
	@toolchain/launch status
releases: ## every deployment: revision, when, who, result
	@toolchain/launch releases
unlock: ## stop a deployment that is under way on the machine (ARGS=--all: those that wait for it, too)
	@toolchain/launch unlock
restart: ## start the app anew, its other processes too, without a pause
	@toolchain/launch restart
rollback: ## back to the previous release, or TO=revision
	@toolchain/launch rollback
preview-stack: ## bring BRANCH up as a stack of its own, beside STACK
	@toolchain/launch preview-stack
drop-stack: ## take it away again
	@toolchain/launch drop-stack
setup: ## get the toolchain, and ask again for official downloads
	@toolchain/setup --retry
lock: ## renew toolchain/requirements.lock
	@toolchain/lock
test: ## every test and check
	@toolchain/check all
lint: ## formatting, lint, types, imports, shell
	@toolchain/check lint
docs: ## renew the README's tables from what the program knows
	@toolchain/check docs
fmt: ## format the Python code
	@toolchain/check fmt
