# Type-checks and formats TypeScript of the course in clean surroundings. Context: its folder.
FROM node:24-bookworm-slim
WORKDIR /app
COPY . ./
RUN npm ci --no-audit --no-fund && npm install --no-save --no-audit --no-fund prettier@3.10.1
RUN npx tsc && npx prettier --check .
