"""Cluster files of every provider, to change and to break."""

LOCAL = """\
name: laptop
provider: local
"""
SSH = """\
name: lab
provider: ssh
head: login
hosts:
  - login
  - {host: gpu1.lab, user: anna, port: 2222, key: keys/lab, jump: login, address: 10.0.0.5}
  - host: gpu2.lab
    cpus: 16
    gpus: 2
    labels: {gpu: H100}
    resources: {licences: 2}
"""
AWS = """\
name: cloud
provider: aws
region: eu-west-1
machine_image: ami-0123456789abcdef0
head: {shape: m7i.large}
groups:
  cpu: {nodes: 0..8, shape: m7i.4xlarge}
  gpu: {nodes: 2, shape: g5.xlarge, spot: true, labels: {gpu: A10G}}
"""
GCP = """\
name: cloud
provider: gcp
project: my-project
zone: europe-west4-a
head: {shape: e2-standard-4}
groups:
  cpu: {nodes: 0..8, shape: n2-standard-8}
  gpu:
    nodes: 0..2
    shape: n1-standard-8
    gpus: 1
    accelerator: nvidia-tesla-t4
    machine_image: projects/my-project/global/images/family/with-driver
"""
KUBERNETES = """\
name: lab
provider: kubernetes
image: registry.example/distnet:0.1.0
groups:
  cpu: {nodes: 0..8, cpus: 4, memory: 16GB}
  gpu: {nodes: 1, cpus: 8, memory: 64GiB, gpus: 1, image: "registry.example/distnet-gpu:0.1.0"}
"""
ALL = {"local": LOCAL, "ssh": SSH, "aws": AWS, "gcp": GCP, "kubernetes": KUBERNETES}
