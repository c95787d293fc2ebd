"""The only door to moto: its WSGI application, and what ELBv2 must know of its EC2 and ACM.

Each emulated account has its own account id, so several can live in one process although moto keeps one state.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import cache
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from moto.acm.models import acm_backends
from moto.core.base_backend import BackendDict
from moto.core.resource_tagging import iter_taggable_backends
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_eip_association_id, random_ip
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends
from moto.wafv2.models import wafv2_backends
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

# moto would load hundreds of machine images into every account; nothing here starts an instance.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


@cache
def _application() -> WSGIApplication:
    application: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    return application


def ask_moto(environ: WSGIEnvironment, body: bytes, account_id: str) -> Response:
    """Let moto answer a request with this body on behalf of an account."""
    asked = environ | {
        "HTTP_HOST": "localhost",  # so that the path of a request to S3 names the bucket, never the host
        "HTTP_X_MOTO_ACCOUNT_ID": account_id,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for cached in [name for name in asked if name.startswith("werkzeug.")]:
        del asked[cached]
    content, status, headers = run_wsgi_app(_application(), asked, buffered=True)
    return Response(content, status, headers)


def tagged_by_moto(account_id: str, region: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield ARN, resource type (e.g. `acm:certificate`) and tags of everything that moto keeps in a Region."""
    for backend in iter_taggable_backends(account_id, region):
        for resource in backend.iter_tagged_resources():
            yield resource.arn, resource.resource_type, dict(resource.tags)


def forget_account(account_id: str) -> None:
    """Drop everything that moto keeps for an account."""
    for backends in list(vars(BackendDict)["_instances"]):  # moto offers no public way to drop one account
        if account_id in backends:
            del backends[account_id]


class MotoNetwork:
    """EC2 of one account and Region, as ELBv2 sees it."""

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region

    @property
    def _ec2(self) -> Any:
        return ec2_backends[self._account_id][self._region]

    def subnet(self, subnet_id: str) -> dict[str, Any] | None:
        """Return SubnetId, VpcId, AvailabilityZone and CidrBlock, or None."""
        for subnets in self._ec2.subnets.values():
            if subnet_id in subnets:
                found = subnets[subnet_id]
                return {
                    "SubnetId": found.id,
                    "VpcId": found.vpc_id,
                    "AvailabilityZone": found.availability_zone,
                    "CidrBlock": found.cidr_block,
                }
        return None

    def security_group_vpc(self, group_id: str) -> str | None:
        """Return the VPC of a security group, or None if there is no such group."""
        found = self._ec2.get_security_group_from_id(group_id)
        return None if found is None else str(found.vpc_id)

    def default_security_group(self, vpc_id: str) -> str:
        """Return the id of the VPC's default security group."""
        return next(str(group.id) for group in self._ec2.groups[vpc_id].values() if group.name == "default")

    def cidr_blocks(self, vpc_id: str) -> list[str] | None:
        """Return the VPC's CIDR blocks, or None if there is no such VPC."""
        found = self._ec2.vpcs.get(vpc_id)
        if found is None:
            return None
        return [str(one["cidr_block"]) for one in found.get_cidr_block_association_set()]

    def instance(self, instance_id: str) -> dict[str, str] | None:
        """Return State and VpcId of an instance, or None if there is none."""
        found = self._ec2.get_instance_by_id(instance_id)
        return None if found is None else {"State": str(found.state), "VpcId": str(found.vpc_id)}

    def elastic_ip(self, allocation: str) -> dict[str, str] | None:
        """Return PublicIp and AssociationId ("" while it is free) of an Elastic IP, or None if there is none."""
        found = next((one for one in self._ec2.addresses if one.allocation_id == allocation), None)
        return found and {"PublicIp": found.public_ip, "AssociationId": found.association_id or ""}

    def held_elastic_ips(self) -> set[str]:
        """Return the addresses and allocation ids of the Elastic IPs that something uses."""
        held = [one for one in self._ec2.addresses if one.association_id]
        return {one.public_ip for one in held} | {one.allocation_id for one in held}

    def private_addresses(self) -> set[str]:
        """Return the private addresses of all network interfaces."""
        return {str(one.private_ip_address) for one in self._ec2.enis.values()}

    def private_address(self, interface: str) -> str:
        """Return the private address of a network interface."""
        return str(self._ec2.enis[interface].private_ip_address)

    def make_interface(self, subnet: str, private: str, groups: list[str], description: str) -> str:
        """Make a network interface as AWS makes them for its services; return its id."""
        made = self._ec2.create_network_interface(subnet, private, group_ids=groups, description=description)
        made.requester_managed, made.status = True, "in-use"
        return str(made.id)

    def give_public_address(self, interface: str, allocation: str, address: str) -> str:
        """Associate an Elastic IP, or without one `address` (else any public one); return the public address."""
        made = self._ec2.enis[interface]
        if allocation:
            elastic = next(one for one in self._ec2.addresses if one.allocation_id == allocation)
            elastic.eni, elastic.association_id = made, random_eip_association_id()
            address = str(elastic.public_ip)
        made.public_ip = address or random_ip()
        return str(made.public_ip)

    def drop_interface(self, interface: str) -> None:
        """Delete a network interface; an Elastic IP that it had is free again."""
        for elastic in self._ec2.addresses:
            if elastic.eni is not None and elastic.eni.id == interface:
                elastic.eni = elastic.association_id = None
        del self._ec2.enis[interface]

    def referring_groups(self, group_id: str) -> list[str]:
        """Return the ids of other security groups whose rules refer to this one."""
        return [
            group.id
            for groups in self._ec2.groups.values()
            for group in groups.values()
            for rule in group.ingress_rules + group.egress_rules
            if group.id != group_id and (rule.source_group or {}).get("GroupId") == group_id
        ]

    def ingress(self, group_id: str) -> list[dict[str, Any]]:
        """Return a security group's ingress permissions in botocore's shape."""
        found = self._ec2.get_security_group_from_id(group_id)
        return [] if found is None else [_permission(view) for view in found.ip_permissions]


def release_web_acl(account_id: str, region: str, resource: str) -> None:
    """Take the web ACL of a resource away, where moto has given it one."""
    wafv2_backends[account_id][region].disassociate_web_acl(resource)


class MotoCertificates:
    """ACM of one account and Region, as ELBv2 sees it; the rest holds what moto does not keep.

    Attributes:
        imported: when each certificate was first imported, on the emulated clock.
        renewed: when it was imported last.
        chains: their chains, PEM.
    """

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region
        self.imported: dict[str, float] = {}
        self.renewed: dict[str, float] = {}
        self.chains: dict[str, str] = {}

    def bundle(self, arn: str) -> Any:
        """Return moto's record of a certificate, or None."""
        return acm_backends[self._account_id][self._region]._certificates.get(arn)  # noqa: SLF001 - no public getter by ARN

    def pem(self, arn: str) -> dict[str, str] | None:
        """Return Certificate, Chain and PrivateKey as PEM text, or None if there is no such certificate."""
        found = self.bundle(arn)
        if found is None:
            return None
        return {
            "Certificate": found.cert.decode(),
            "Chain": self.chains.get(arn, ""),
            "PrivateKey": found.key.decode(),
        }

    def imported_count(self) -> int:
        """Return how many imported certificates there are."""
        return sum(self.bundle(arn) is not None for arn in self.imported)

    def imported_at(self, arn: str) -> float:
        """Return when the certificate came to ACM, on the emulated clock."""
        return self.imported.get(arn, 0.0)


class MotoObjects:
    """S3 of one account, as ELBv2 sees it."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def read(self, bucket: str, key: str, version: str | None = None) -> bytes | None:
        """Return the content of an object, None if there is no such bucket, object or version."""
        try:
            found = s3_backends[self._account_id]["aws"].get_object(bucket, key, version)
        except S3ClientError:
            return None
        return None if found is None else bytes(found.value)


def _permission(view: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "IpProtocol": view.ip_protocol,
        "IpRanges": list(view.ip_ranges),
        "Ipv6Ranges": list(view.ipv6_ranges),
        "UserIdGroupPairs": list(view.source_groups),
    }
    if view.from_port is not None:
        shown |= {"FromPort": view.from_port, "ToPort": view.to_port}
    return shown
