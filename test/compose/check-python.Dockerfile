# Type-checks, lints and formats Python of the course in clean surroundings. Context: its folder.
FROM python:3.11-slim-bookworm
WORKDIR /app
COPY . ./
RUN pip install --no-cache-dir mypy==2.4.1 ruff==0.17.6 && \
    if [ -f requirements.txt ]; then pip install --no-cache-dir -r requirements.txt; fi
RUN mypy . && ruff check . && ruff format --check .
