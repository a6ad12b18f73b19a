FROM debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends beanstalkd && \
    apt-get clean && rm -rf /var/lib/apt/lists/*
# A new named volume takes its owner from the image.
RUN install -d -o 1000 -g 1000 /data
USER 1000:1000
CMD ["beanstalkd", "-l", "0.0.0.0", "-p", "11300", "-b", "/data", "-f", "0"]
