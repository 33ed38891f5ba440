# Thin names for the launchpad command (cli/) and toolchain/; `make` alone lists them. After `source toolchain/activate`,
# `launchpad` itself takes options and any command as it is typed: make expands the $ of ARGS.
STACK ?= dev
export STACK ARGS TO FOLLOW BRANCH
launchpad := @toolchain/bin/launchpad

.DEFAULT_GOAL := help
.PHONY: help up preview refresh destroy clean outputs url ssh logs status releases rollback restart cancel branch-up \
	branch-down setup update-lock test unit lint docs fmt

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="	" read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done
	@echo "With STACK=name for another stack than dev. After \`source toolchain/activate\` there is more: launchpad --help"

up: ## bring the app up: toolchain, machine, deployment; prints its URL
	$(launchpad) up $$ARGS
preview: ## what `make up` would change
	$(launchpad) preview $$ARGS
refresh: ## look at what is really there
	$(launchpad) refresh $$ARGS
destroy: ## remove all of it; caches stay
	$(launchpad) destroy $$ARGS
clean: ## remove caches too, after `make destroy`
	$(launchpad) clean
outputs: ## the stack's outputs, as JSON
	$(launchpad) outputs $$ARGS
url: ## the app's URL
	$(launchpad) url
ssh: ## log in to the machine, or run there what ARGS says
	$(launchpad) ssh -- $${ARGS:+"$$ARGS"}
logs: ## the app's log; FOLLOW=1 to follow it
	$(launchpad) logs $${FOLLOW:+--follow} $$ARGS
status: ## which release serves, and its processes
	$(launchpad) status $$ARGS
releases: ## every deployment: revision, when, who, result
	$(launchpad) releases $$ARGS
rollback: ## back to the previous release, or TO=revision
	$(launchpad) rollback $$TO
restart: ## start the app anew, its other processes too, without a pause
	$(launchpad) restart $$ARGS
cancel: ## stop the deployment that is under way on the machine (ARGS=--all: those that wait for it, too)
	$(launchpad) cancel $$ARGS
branch-up: ## bring BRANCH up as a stack of its own, beside STACK
	$(launchpad) branch up "$$BRANCH"
branch-down: ## take it away again
	$(launchpad) branch down "$$BRANCH"
setup: ## get the toolchain, and ask again for official downloads
	@toolchain/setup --retry
update-lock: ## renew toolchain/requirements.lock
	@toolchain/lock
test: ## every test and check
	@toolchain/check all
unit: ## the tests of seconds, which need no root
	@toolchain/check unit
lint: ## formatting, lint, types, imports, shell
	@toolchain/check lint
docs: ## write what is made of the config keys: Pulumi.yaml's block, docs/settings.md, the editor's schema
	@toolchain/check docs
fmt: ## format the Python code
	@toolchain/check fmt
