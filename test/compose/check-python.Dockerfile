# Type-checks the clients in clean surroundings. Context: clients/python.
FROM python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt mypy==2.4.1 ruff==0.17.6
COPY pyproject.toml *.py ./
RUN mypy . && ruff check . && ruff format --check .
