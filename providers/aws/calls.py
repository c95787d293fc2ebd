"""The calls a plan is made of: what each `Change.call` reads from its Change. Written by `plan`, made by `apply`.

One Change is one call, named by the boto3 operation. `want.spec` holds just what the call sets; `got` is the resource
as observed, with its `cloud_id`. `want` is None for a deletion, `got` None for a creation. Names of other resources
(target groups, certificates, `managed`) are our own; apply knows their ARNs from the observation or from the call that
made them.

=============================  ======  =============================================================================
call                           op      Change
=============================  ======  =============================================================================
CreateSecurityGroup            create  want.spec VpcId, Description
AuthorizeSecurityGroupIngress  create  key ingress/<port>; want.spec Protocol, Sources: those to add, no others
AuthorizeSecurityGroupIngress  create  key backend-access/<protocol>/<security group>: ours may reach all its ports
RevokeSecurityGroupIngress     delete  likewise
RevokeSecurityGroupIngress     delete  key ingress/<port>; want None; got.spec Protocol, Sources: those to take away
DeleteSecurityGroup            delete  got.cloud_id; its ingress goes with it
ImportCertificate              create  key certificate/<ns>/<name>; want.spec Fingerprint, KeyType; tags go along.
                                       Also when one of another key type is there: a new ARN, which the name means from
                                       then on
ImportCertificate              update  into got.cloud_id; the call refuses tags: AddTagsToCertificate comes before
                                       it (the content is unknown from now on) and after it
AddTagsToCertificate           update  want.spec Fingerprint, KeyType; on got.cloud_id
PutObject                      create  key ca-bundle/<store>; want.spec Bucket, Key, Pem
CreateTrustStore               create  want.spec Name, Bucket, Key
ModifyTrustStore               update  into got.cloud_id, from the same object: somebody put something else there
DeleteObject                   delete  got.spec Bucket, Key; always before its trust store, so that none is forgotten
DeleteTrustStore               delete  got.cloud_id; after every listener that used it
CreateTargetGroup              create  want.spec as in `resources`
ModifyTargetGroup              update  want.spec: the HealthCheck*, *ThresholdCount, Matcher fields that differ, and
                                       HealthCheckProtocol always
ModifyTargetGroupAttributes    update  key tg-attributes/<tg>; want.spec: the attributes that differ
RegisterTargets                update  key targets/<tg>; want.spec Register: at most 200 [address, port, zone]
DeregisterTargets              update  key targets/<tg>; want.spec Deregister: likewise; only after every
                                       RegisterTargets of the same key succeeded
DeleteTargetGroup              delete  got.cloud_id
CreateLoadBalancer             create  want.spec as in `resources`, without RulesQuota
ModifyLoadBalancerAttributes   update  key lb-attributes/alb; want.spec: the attributes that differ
SetSecurityGroups              update  key load-balancer/alb; want.spec SecurityGroups: the whole set
SetSubnets                     update  key load-balancer/alb; want.spec Subnets: the whole set
SetIpAddressType               update  key load-balancer/alb; want.spec IpAddressType
AddTags                        update  key load-balancer/alb; want.spec Tags: those that differ. Or key tags; also
                                       want.spec On: up to 20 [kind, scope, name] that get them
RemoveTags                     update  likewise; want.spec TagKeys
AssociateWebACL                update  key web-acl/alb; want.spec Arn
DisassociateWebACL             delete  key web-acl/alb
ModifyListenerAttributes       update  key listener-attributes/<port>; want.spec: the attributes that differ
DeleteLoadBalancer             delete  got.cloud_id; listeners and rules go with it
CreateListener                 create  want.spec as in `resources`
ModifyListener                 update  want.spec: the fields that change. Protocol never comes without all the others
AddListenerCertificates        create  key listener-certificate/listener/<port>/<certificate>
RemoveListenerCertificates     delete  the same key; got.cloud_id is the ARN to remove
DeleteListener                 delete  got.cloud_id; its rules and certificates go with it
SetRulePriorities              update  key order/listener/<port>; want.spec Priorities: {rule name as in the observed
                                       order: number}. To be sent in this order: then also one by one is harmless
CreateRule                     create  want.spec Conditions, Actions, Transforms, Priority
ModifyRule                     update  want.spec: Actions and Transforms (an empty list: reset). With Conditions too
                                       (full quota): rule got.cloud_id turns into the wanted one and keeps its number
DeleteRule                     delete  got.cloud_id
=============================  ======  =============================================================================

What observe owes to this:

- Two rules with equal conditions on one listener (an earlier run was cut): the first in precedence is named by the
  digest, the next `<digest>~2`, and so on, in the keys as in the order's Rules.
- A rule is named by the digest of the conditions it has, not by a tag: a rule may turn into another.
- Priorities of an observed order is a list, parallel to Rules.
- A load balancer of ours under another name than the wanted one has the key `load-balancer//<its name>`; its
  listeners and rules are not reported.
- The `cloud_id` of a listener-certificate is the certificate's ARN; a listener's default certificate is not among them.

What apply owes to it, per listener: after a CreateRule that failed for now, no further change of that listener's rules;
after one that AWS refused for good, no DeleteRule of a rule that shares an origin with it.
"""

from __future__ import annotations

CREATE_SECURITY_GROUP = "CreateSecurityGroup"
AUTHORIZE_INGRESS = "AuthorizeSecurityGroupIngress"
REVOKE_INGRESS = "RevokeSecurityGroupIngress"
DELETE_SECURITY_GROUP = "DeleteSecurityGroup"
IMPORT_CERTIFICATE = "ImportCertificate"
TAG_CERTIFICATE = "AddTagsToCertificate"
PUT_BUNDLE = "PutObject"
DELETE_BUNDLE = "DeleteObject"
CREATE_TRUST_STORE = "CreateTrustStore"
MODIFY_TRUST_STORE = "ModifyTrustStore"
DELETE_TRUST_STORE = "DeleteTrustStore"
CREATE_TARGET_GROUP = "CreateTargetGroup"
MODIFY_TARGET_GROUP = "ModifyTargetGroup"
MODIFY_TG_ATTRIBUTES = "ModifyTargetGroupAttributes"
REGISTER_TARGETS = "RegisterTargets"
DEREGISTER_TARGETS = "DeregisterTargets"
DELETE_TARGET_GROUP = "DeleteTargetGroup"
CREATE_LOAD_BALANCER = "CreateLoadBalancer"
MODIFY_LB_ATTRIBUTES = "ModifyLoadBalancerAttributes"
SET_SECURITY_GROUPS = "SetSecurityGroups"
SET_SUBNETS = "SetSubnets"
SET_IP_ADDRESS_TYPE = "SetIpAddressType"
ADD_TAGS = "AddTags"
REMOVE_TAGS = "RemoveTags"
ASSOCIATE_WEB_ACL = "AssociateWebACL"
DISASSOCIATE_WEB_ACL = "DisassociateWebACL"
MODIFY_LISTENER_ATTRIBUTES = "ModifyListenerAttributes"
DELETE_LOAD_BALANCER = "DeleteLoadBalancer"
CREATE_LISTENER = "CreateListener"
MODIFY_LISTENER = "ModifyListener"
ADD_LISTENER_CERTIFICATE = "AddListenerCertificates"
REMOVE_LISTENER_CERTIFICATE = "RemoveListenerCertificates"
DELETE_LISTENER = "DeleteListener"
SET_RULE_PRIORITIES = "SetRulePriorities"
CREATE_RULE = "CreateRule"
MODIFY_RULE = "ModifyRule"
DELETE_RULE = "DeleteRule"
